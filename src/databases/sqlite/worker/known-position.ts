import type { ReplicaPosition } from '../../replica.js';

/**
 * Where the replica in the worker stands, as far as the main thread knows without asking. It stands there as long as no
 * call is under way that may move it: nobody but this process does.
 */
export interface KnownPosition {
  /** Null when the worker must be asked. */
  get(): ReplicaPosition | null;
  /** A call goes out after which the replica may stand elsewhere. */
  changing(): void;
  /** Such a call was answered; with the position afterwards when the worker could tell. */
  changed(position: ReplicaPosition | null): void;
  /** The worker drained by itself. */
  drained(position: ReplicaPosition): void;
  forget(): void;
}

export function createKnownPosition(): KnownPosition {
  let known: ReplicaPosition | null = null;
  let changes = 0;
  return {
    get: () => (changes === 0 ? known : null),
    changing() {
      changes++;
    },
    changed(position) {
      changes--;
      known = position;
    },
    drained(position) {
      if (changes === 0) known = position;
    },
    forget() {
      known = null;
      changes = 0;
    },
  };
}
