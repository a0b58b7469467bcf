import type { CellStamp } from '../../../core/cell-stamp.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import type { Cell } from '../../../core/life-state.js';
import type { OriginId } from '../../../core/origin.js';
import { msOfStamp } from '../../../core/stamp.js';
import { RawText, RowReference, type CellValue } from '../../../core/value.js';
import type { ReplicaContext } from './replica-context.js';

/** What lost against a concurrent change. Ids are made of what lost, so every server records the same conflict once. */
export interface ConflictRecorder {
  readonly count: number;
  cell(place: ConflictPlace, lost: Cell, kept: Cell): void;
  /** A change of a row that had been deleted, or a row that was deleted with a change its deleter had not seen. */
  deleted(place: ConflictPlace, lost: Cell, by: OriginId): void;
  /** A row that stands behind a younger one with its key: no application sees it (rule R4.1). */
  hidden(place: ConflictPlace, lost: Cell): void;
}

export interface ConflictPlace {
  readonly table: string;
  readonly life: LifeName;
  readonly key: readonly CellValue[];
  readonly column: string;
}

const textMax = 4000;

export function createConflictRecorder({ conflicts }: ReplicaContext): ConflictRecorder {
  let count = 0;
  const add = ({ table, life, key, column }: ConflictPlace, rule: string, lost: Cell, kept: string): void => {
    const isNew = conflicts.add({
      id: `${table}/${lifeText(life)}/${column}/${stampText(lost.at)}`,
      table,
      key: key.map(valueText).join(', '),
      column,
      rule,
      kept,
      lost: valueText(lost.value),
      lostOrigin: lost.at.weak?.origin ?? lost.at.origin,
      atMs: msOfStamp(lost.at.stamp),
    });
    if (isNew) count++;
  };
  return {
    get count() {
      return count;
    },
    cell: (place, lost, kept) => add(place, 'later write wins', lost, valueText(kept.value)),
    hidden: (place, lost) => add(place, 'youngest row at a key wins', lost, 'another row at this key'),
    deleted: (place, lost, by) => add(place, 'delete wins', lost, `deleted by ${by}`),
  };
}

const stampText = ({ stamp, origin, weak }: CellStamp): string =>
  weak ? `${stamp}.${origin}.${weak.depth}.${weak.stamp}.${weak.origin}` : `${stamp}.${origin}`;

/** As an SQL literal, so that a person can put it back; long values are cut. */
export function valueText(value: CellValue): string {
  if (value === null) return 'NULL';
  if (value instanceof RowReference) return `row ${lifeText(value.row)}`;
  if (typeof value === 'string') return cut(`'${value.replaceAll("'", "''")}'`);
  if (value instanceof RawText) return cut(`CAST(x'${Buffer.from(value.bytes).toString('hex')}' AS TEXT)`);
  if (value instanceof Uint8Array) return cut(`x'${Buffer.from(value).toString('hex')}'`);
  if (typeof value === 'number' && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}

const cut = (text: string): string => (text.length <= textMax ? text : `${text.slice(0, textMax)}...`);
