import { SyncError } from '../../../core/sync-error.js';
import type { System } from '../../../system/system.js';
import type { Connection } from './driver.js';

/** Looks at the counter of foreign commits: once, or again and again for a moment after an event. */
export interface CommitCounter {
  /** Commits count from here on. */
  rebase(): void;
  /** Must be called right after the connection was closed: what closing wrote is no commit. */
  rest(): void;
  /** True when the counter has moved, which is reported. A locked file says nothing. */
  look(): boolean;
  /** Looks now and, while the connection is open, at growing distance. */
  lookRepeatedly(): void;
  readonly isLooking: boolean;
  /** An event came, whoever wrote: then those of others come too, unless a commit without one says otherwise. */
  heard(): void;
  /** Whether events tell of commits, as far as is known: some came, and since `doubt` was called one told of a commit. */
  readonly isTrusted: boolean;
  /** A commit was found that no event told of. */
  doubt(): void;
  close(): void;
}

export interface CommitCounterOptions {
  readonly system: System;
  /** `foreignCommitCounter` of the open connection; null while it is closed. */
  readonly counter: () => number | null;
  /** Changes when the files were written: all there is to look at while the connection is closed. */
  readonly writtenMark: () => string;
  /** Another program has committed, or may have. */
  readonly onCommit: () => void;
}

/** Moves when another connection has committed. Throws `SyncError` USYNC-1201 while that one holds the file's lock. */
export const foreignCommitCounter = (connection: Connection): number =>
  Number(connection.cached('PRAGMA data_version').get()?.[0]);

/** Delays between looks after an event. The first look is at once. The late ones are for slow disks. */
const ladderMs = [1, 1, 2, 4, 8, 16, 32] as const;

export function createCommitCounter(options: CommitCounterOptions): CommitCounter {
  const { system, counter, onCommit } = options;
  let known: number | null = null;
  /** What was written when the connection was closed; null while it is open, or when nobody said. */
  let restingMark: string | null = null;
  let step = 0;
  let cancel: (() => void) | null = null;
  let events: 'unknown' | 'trusted' | 'doubted' = 'unknown';
  let isClosed = false;

  function look(): boolean {
    const now = counterNow(counter);
    if (now === undefined) return false;
    const hasMoved = now === null ? hasBeenWritten() : now !== known;
    known = now;
    if (hasMoved) onCommit();
    return hasMoved;
  }

  function hasBeenWritten(): boolean {
    if (restingMark === null) return true;
    const mark = options.writtenMark();
    const isNew = mark !== restingMark;
    restingMark = mark;
    return isNew;
  }

  function climb(): void {
    const delay = ladderMs[step];
    cancel = null;
    // While the connection is closed there is nothing to look at: the event itself was the report.
    if (isClosed || delay === undefined || known === null) return;
    step++;
    cancel = system.after(delay, () => {
      if (look()) events = 'trusted';
      climb();
    });
  }

  function startAgain(): void {
    step = 0;
    if (cancel === null) climb();
  }

  return {
    rebase() {
      known = counterNow(counter) ?? null;
      restingMark = null;
      // An event that came while the connection was closed may have been too early for what is read now.
      startAgain();
    },
    rest() {
      known = null;
      restingMark = options.writtenMark();
    },
    look: () => (known !== null || restingMark !== null) && look(),
    lookRepeatedly() {
      if (look()) events = 'trusted';
      startAgain();
    },
    get isLooking() {
      return cancel !== null;
    },
    heard() {
      if (events === 'unknown') events = 'trusted';
    },
    get isTrusted() {
      return events === 'trusted';
    },
    doubt() {
      events = 'doubted';
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

/** Undefined while another program holds the lock. */
function counterNow(counter: () => number | null): number | null | undefined {
  try {
    return counter();
  } catch (error) {
    if (error instanceof SyncError && error.code === 'USYNC-1201') return undefined;
    // Anything else is met again, and reported, by the drain that "a commit, maybe" calls for.
    return null;
  }
}
