import type { System } from '../../../system/system.js';

/** What tells that the work is no longer wanted; it is asked in the midst of work that lets no message in, too. */
export type CancelLook = Pick<AbortSignal, 'aborted'>;

/** Long work that a person waits for and may cut short. */
export interface WorkInTurns {
  /** Between two transactions: now and then others have their turn. Throws `WorkCancelled`. */
  pass(): Promise<void>;
  /** Also inside a transaction, which is rolled back by it. Throws `WorkCancelled`. */
  check(): void;
}

export class WorkCancelled extends Error {}

export interface TurnsOptions {
  readonly signal: CancelLook | undefined;
  /** Before others have their turn: to tell how far the work is. */
  readonly onTurn?: () => void;
}

/** Long enough that the pauses cost little, short enough that nobody who looks on notices them. */
const turnMs = 20;

export function createWorkInTurns(system: System, { signal, onTurn }: TurnsOptions): WorkInTurns {
  let sinceMs = system.monotonicMs();
  const work: WorkInTurns = {
    check() {
      if (signal?.aborted === true) throw new WorkCancelled('It is no longer wanted.');
    },
    async pass() {
      work.check();
      if (system.monotonicMs() - sinceMs < turnMs) return;
      onTurn?.();
      await system.pause();
      sinceMs = system.monotonicMs();
      work.check();
    },
  };
  return work;
}
