/**
 * Gives a branch that was cut its own name: whatever `origin` named from the stamp `from` on is named by `to`. A history
 * is a line, so the stamp alone says what belongs to the branch. Stamps of cells keep their origin: they are times, a
 * late drain writes earlier ones and a raised one is later, so they do not tell which changeset wrote them.
 */
import { additionColumn, partsOfAddition, type Addition } from './counter.js';
import type { Cell } from './life-state.js';
import type { LifeName } from './life.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import { isListColumn, listedRows, listedRowsText } from './reference-list.js';
import { RowReference } from './value.js';
import type { VectorEntry, VersionVector } from './version-vector.js';

export interface OriginRenaming {
  readonly origin: OriginId;
  /** Stamp of the first changeset of the branch. */
  readonly from: Stamp;
  /** The changeset before it, which stays. */
  readonly before: VectorEntry;
  readonly to: OriginId;
}

export const renameLife = (life: LifeName, { origin, from, to }: OriginRenaming): LifeName =>
  life.origin === origin && life.stamp >= from ? { ...life, origin: to } : life;

const renameRun = (addition: Addition, { origin, from, to }: OriginRenaming): Addition =>
  addition.origin === origin && addition.run >= from ? { ...addition, origin: to } : addition;

/** References to rows of the branch follow it, and so do counts that began in it. */
export function renameCells(cells: ReadonlyMap<string, Cell>, renaming: OriginRenaming): ReadonlyMap<string, Cell> {
  const renamed = new Map(cells);
  for (const [column, { value, at }] of cells) {
    const addition = partsOfAddition(column);
    if (addition) {
      renamed.delete(column);
      renamed.set(additionColumn(renameRun(addition, renaming)), { value, at });
    }
    if (value instanceof RowReference) {
      renamed.set(column, { value: new RowReference(renameLife(value.row, renaming)), at });
    } else if (isListColumn(column)) {
      const rows = [...listedRows(value)].map(([number, row]) => [number, renameLife(row, renaming)] as const);
      renamed.set(column, { value: listedRowsText(new Map(rows)), at });
    }
  }
  return renamed;
}

export function renameInVector(vector: VersionVector, { origin, from, before, to }: OriginRenaming): VersionVector {
  const entry = vector.get(origin);
  if (!entry || entry.stamp < from) return vector;
  const renamed = new Map([...vector, [to, entry]]);
  if (before.stamp > 0) renamed.set(origin, before);
  else renamed.delete(origin);
  return renamed;
}
