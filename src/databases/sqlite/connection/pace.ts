/** How long the lock of the application's database may be held, and for how long it stays free afterwards. */
export interface PaceOptions {
  /** `bounded` (the default): a changeset that would hold the lock for longer than `lockMsMax` lands in slices. */
  readonly landing?: 'bounded' | 'whole';
  /** For applications that do not wait for locks: shorter work, longer pauses. */
  readonly polite?: boolean;
  /** Milliseconds of lock beyond which a changeset is not merged whole. Default 1000; polite 25. */
  readonly lockMsMax?: number;
}

export interface Pace {
  /** Work of one transaction, in milliseconds; it is looked at between two changesets or batches of rows. */
  readonly sliceMs: number;
  /** For how long to stay away after the lock was held for `heldMs`: as long, and until whoever waits has tried again. */
  pauseMs(heldMs: number): number;
  /** Rows that are merged between two looks at the clock. */
  readonly rowsAtOnce: number;
  /** Rows of a landing changeset in one transaction, however fast they go. */
  readonly rowsAtOnceMax: number;
  /** Journal entries that one transaction removes. */
  readonly prunedAtOnce: number;
  /** Beyond so many notes a drain reads and encodes before it takes the lock. */
  readonly notesAtOnceMax: number;
  /** Whether so many bytes and rows of a changeset are likely to hold the lock for too long, by the speed of earlier ones. */
  isTooLarge(bytes: number, rows: number): boolean;
  /** The same while it is being merged: after `heldMs` this share of its bytes is done. */
  isTooSlow(heldMs: number, doneShare: number): boolean;
  /** A changeset of so many bytes was merged in this time. */
  learn(bytes: number, ms: number): void;
}

const lockMsDefault = 1000;
/** A program that does not wait is refused for as long as the lock is held. */
const politeLockMs = 25;
/** About what takes so long on a slow machine. Bytes do not tell: they are packed, and small rows are slow for their size. */
const politeRowsMax = 1000;

/** How long SQLite's busy handler sleeps between two tries for a lock, one sleep after the other. */
const busySleepsMs: readonly number[] = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100];
/** Sleeps take somewhat longer than asked for. */
const sleepLateMs = 0.5;

/**
 * The longest sleep of a program that began to wait while the lock was held for `heldMs`: a gap that is shorter may fall
 * between two of its tries.
 */
function sleepMsAfter(heldMs: number): number {
  let waitedMs = 0;
  for (const sleepMs of busySleepsMs) {
    waitedMs += sleepMs;
    if (waitedMs >= heldMs) return sleepMs;
  }
  return 100;
}

/** Before anything was measured. Hopeful, since a changeset that turns out slower is stopped half-way. */
const bytesPerMsAtFirst = 8000;

/** Smaller changesets tell more of what begins and ends a merge than of its speed. */
const learnedBytesMin = 64 * 1024;

/** An estimate from less than this is a guess. */
const judgedAfterMs = 100;

export function createPace({ landing, polite, ...options }: PaceOptions = {}): Pace {
  const isBounded = landing !== 'whole';
  const isPolite = polite === true;
  const lockMsMax = options.lockMsMax ?? (isPolite ? politeLockMs : lockMsDefault);
  const pauseMsMin = isPolite ? 20 : 1;
  let bytesPerMs = bytesPerMsAtFirst;
  return {
    sliceMs: isPolite ? 1 : 4,
    pauseMs: (heldMs) => Math.max(heldMs, sleepMsAfter(heldMs) + sleepLateMs, pauseMsMin),
    rowsAtOnce: isPolite ? 32 : 256,
    rowsAtOnceMax: isPolite ? 128 : 2048,
    prunedAtOnce: isPolite ? 20 : 200,
    notesAtOnceMax: isPolite ? 100 : 2000,
    isTooLarge: (bytes, rows) => isBounded && (bytes > bytesPerMs * lockMsMax || (isPolite && rows > politeRowsMax)),
    isTooSlow: (heldMs, doneShare) =>
      isBounded && (heldMs > lockMsMax || (heldMs > judgedAfterMs && heldMs > lockMsMax * doneShare)),
    learn(bytes, ms) {
      if (bytes >= learnedBytesMin && ms > 0) bytesPerMs = (bytesPerMs * 3 + bytes / ms) / 4;
    },
  };
}
