import type { CellStamp } from './cell-stamp.js';
import type { ChangeBlock, ChangesetHeader } from './changeset.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';

/** Between which stamps the cells lie that one changeset wrote. */
export interface StampSpan {
  readonly low: Stamp;
  readonly high: Stamp;
}

export interface SpanMeter {
  add(blocks: Iterable<ChangeBlock>): void;
  /** Null while no cell was written. */
  span(): StampSpan | null;
}

/**
 * Whether the stamps of its cells tell which changeset of its origin wrote them. They do as long as clocks go forward;
 * a clock that went back, or that was dragged ahead by another server's, stamps cells below an earlier changeset, and a
 * cell that was raised above the one it replaced may lie above its own.
 */
export const isPlain = ({ low, high }: StampSpan, { stamp, prev }: Pick<ChangesetHeader, 'stamp' | 'prev'>): boolean =>
  low > prev && high <= stamp;

/** Cells that a changeset carries for others (revived ones) and those of confirmations name their writer themselves. */
export function createSpanMeter({ origin }: Pick<ChangesetHeader, 'origin'>): SpanMeter {
  let [low, high] = [Infinity, 0];
  const take = (stamp: Stamp): void => {
    if (stamp < low) low = stamp;
    if (stamp > high) high = stamp;
  };
  const takeCell = (at: CellStamp): void => {
    if (at.origin === origin && !at.weak) take(at.stamp);
  };
  return {
    add(blocks) {
      for (const block of blocks) {
        if (block.kind !== 'insert' && block.kind !== 'update') continue;
        for (const time of block.times) take(time);
        for (const stamps of block.cellStamps.values()) for (const at of stamps.values()) takeCell(at);
      }
    },
    span: () => (high === 0 ? null : { low: low as Stamp, high: high as Stamp }),
  };
}

/** Cells stamped by an origin within `low` and `high` may be of this changeset, though their stamps do not say so. */
export interface Stray extends StampSpan {
  readonly writer: OriginId;
  readonly stamp: Stamp;
}
