/**
 * A hybrid logical clock value that fits a JavaScript number: milliseconds since 2020-01-01 UTC in the high 41 bits,
 * a counter in the low 12. Strictly growing per origin.
 */
export type Stamp = number & { readonly __brand: 'Stamp' };

const epochMs = Date.UTC(2020, 0, 1);
const counterSize = 4096;

/** Capped well below 2^53, so that "+1" always has room (year 2087 and more). */
export const stampMax = (2 ** 53 - 2 ** 40) as Stamp;
export const zeroStamp = 0 as Stamp;
/** What a clock beyond the end of time gives: a server that was there once must still be able to go on counting. */
const clockStampMax = (stampMax - 2 ** 39) as Stamp;

/** The first stamp of a millisecond. Times before 2020 give the smallest stamp there is. */
export const stampOfMs = (unixMs: number): Stamp =>
  Math.min(Math.max(Math.trunc(unixMs) - epochMs, 0) * counterSize + 1, clockStampMax) as Stamp;

export const msOfStamp = (stamp: Stamp): number => Math.floor(stamp / counterSize) + epochMs;

export const isStamp = (value: unknown): value is Stamp =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= stampMax;

/** The next stamp of an origin: the wall clock, or one more than the last when the wall clock is not ahead of it. */
export const nextStamp = (last: Stamp, nowMs: number): Stamp =>
  Math.min(Math.max(last + 1, stampOfMs(nowMs)), stampMax) as Stamp;

const higherStamp = (a: Stamp, b: Stamp): Stamp => (a > b ? a : b);

/** How far a remote stamp may drag the own clock ahead of the wall clock (rule R1.3, decision 13). */
export const clockDriftMaxMs = 5 * 60_000;

/** The own clock after seeing a remote stamp: dragged along, but never further than the drift bound. */
export const clockAfterSeeing = (clock: Stamp, seen: Stamp, nowMs: number): Stamp =>
  higherStamp(clock, Math.min(seen, stampOfMs(nowMs + clockDriftMaxMs)) as Stamp);
