import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import type { PlainRow } from '../connection/driver.js';
import type { OriginStore } from './origin-store.js';
import { integerAt } from '../connection/row-values.js';

/** Stamp, number of the origin, index: as the indexes of the side tables have them. */
export type LifeParams = readonly [stamp: bigint, origin: bigint, index: bigint];

/** Names of lives and rows in the side tables: columns origin, stamp, place. */
export interface LifeNames {
  readonly nameParams: (life: LifeName) => LifeParams;
  readonly nameAt: (row: PlainRow, position: number) => LifeName;
}

export const createLifeNames = (origins: OriginStore): LifeNames => ({
  nameParams: (life) => [BigInt(life.stamp), BigInt(origins.numberOf(life.origin)), BigInt(life.index)],
  nameAt: (row, position) => ({
    origin: origins.originOf(integerAt(row, position)),
    stamp: integerAt(row, position + 1) as Stamp,
    index: integerAt(row, position + 2),
  }),
});
