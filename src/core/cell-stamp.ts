import { genesisOrigin, type OriginId } from './origin.js';
import { stampMax, zeroStamp, type Stamp } from './stamp.js';

/**
 * When a cell was written, and by whom: decides which of two values wins (rule R1.3). Not the changeset's stamp.
 * A *weak* stamp belongs to a confirmation (rule R8): it is above exactly the value that it replaces and below every
 * later write of an application.
 */
export interface CellStamp {
  readonly stamp: Stamp;
  readonly origin: OriginId;
  readonly weak?: WeakStamp;
}

export interface WeakStamp {
  /** How many confirmations lie on top of the application's write; from 1. */
  readonly depth: number;
  readonly stamp: Stamp;
  readonly origin: OriginId;
}

/**
 * Of a column that was not there when the row was written: nobody wrote what it shows. Below every written cell, and seen
 * by everybody.
 */
export const unwrittenStamp: CellStamp = { stamp: zeroStamp, origin: genesisOrigin };
export const isUnwritten = ({ stamp, weak }: CellStamp): boolean => stamp === zeroStamp && weak === undefined;

/** Total order: the application's write first, then the depth of confirmations, then who confirmed. */
export function compareCellStamps(a: CellStamp, b: CellStamp): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  return compareWeak(a.weak, b.weak);
}

function compareWeak(a: WeakStamp | undefined, b: WeakStamp | undefined): number {
  if (!a || !b) return (a ? 1 : 0) - (b ? 1 : 0);
  if (a.depth !== b.depth) return a.depth - b.depth;
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  if (a.origin === b.origin) return 0;
  return a.origin < b.origin ? -1 : 1;
}

/**
 * The stamp of an application's write over `replaced` (rule R1.3): an edit made after seeing a value always beats it. At
 * the end of time, where nobody can send a higher stamp, it is above by its depth, as confirmations are.
 */
export function stampAbove(written: Stamp, origin: OriginId, replaced: CellStamp | undefined): CellStamp {
  if (!replaced || replaced.stamp < written) return { stamp: written, origin };
  if (replaced.stamp >= stampMax) return weakStampAbove(replaced, written, origin);
  return { stamp: (replaced.stamp + 1) as Stamp, origin };
}

/** The stamp of a confirmation of `replaced` (rule R8), and of what a migration fills a new column with. */
export const weakStampAbove = (replaced: CellStamp, stamp: Stamp, origin: OriginId): CellStamp => ({
  stamp: replaced.stamp,
  origin: replaced.origin,
  weak: { depth: (replaced.weak?.depth ?? 0) + 1, stamp, origin },
});
