import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';

/**
 * One existence of a row, from its insert to its delete, named by the insert. Names are unique within a dataset's table.
 * A row is named for ever by its first life, so a `LifeName` also names rows.
 */
export interface LifeName {
  readonly stamp: Stamp;
  readonly origin: OriginId;
  /** Position of the insert within its changeset; for genesis rows a number derived from the key. */
  readonly index: number;
}

/** Elder first: by stamp, then origin, then index. The order of every rule that says "elder" or "younger". */
export function compareLives(a: LifeName, b: LifeName): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  return a.index - b.index;
}

export const isSameLife = (a: LifeName, b: LifeName): boolean =>
  a.stamp === b.stamp && a.index === b.index && a.origin === b.origin;

/** Text form for maps, logs and the model; not sorted by age. */
export const lifeText = (life: LifeName): string => `${life.stamp}.${life.origin}.${life.index}`;
