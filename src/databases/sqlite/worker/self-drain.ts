import type { HintedDrain } from '../../replica.js';
import type { SqliteReplica } from '../sqlite-replica.js';
import { drainsByItself, type CallMessage } from './worker-messages.js';

/**
 * Drains at a hint, in the worker, so that a commit need not wait for messages back and forth. Only from the first drain
 * that was asked for on: a database that was opened again is held against the witness before, and one that is new here
 * may have to take the state of its group first.
 */
export interface SelfDrain {
  readonly hint: () => void;
  /** To be called with every call that was answered. */
  answered(call: CallMessage): void;
}

export function createSelfDrain(
  replica: Pick<SqliteReplica, 'drainWithNews'>,
  tell: (drained: HintedDrain | null) => void,
): SelfDrain {
  let isAllowed = false;
  let isDraining = false;
  let isHintedAgain = false;

  async function drain(): Promise<void> {
    isDraining = true;
    do {
      isHintedAgain = false;
      const drained = await replica.drainWithNews().catch(() => null);
      // A failure is met again, and reported, by the drain that a bare hint calls for.
      if (drained === null || drained.outcome.changesets > 0 || drained.outcome.schemaChanged) tell(drained);
    } while (isHintedAgain);
    isDraining = false;
  }

  return {
    hint() {
      isHintedAgain = true;
      if (!isAllowed) tell(null);
      else if (!isDraining) void drain();
    },
    answered({ target, args }) {
      if (target.kind !== 'replica') return;
      if (target.method === 'drain') isAllowed = args.includes(drainsByItself);
      if (target.method === 'open' || target.method === 'close') isAllowed = false;
    },
  };
}
