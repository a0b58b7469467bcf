/**
 * Rows that may become one, since applications wrote one value into a unique column of both: each cell of what is shown then is
 * that of the row which was written last.
 */
import { rowsByBirth } from './born-rows.js';
import type { SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';

export interface KinRows {
  note(dumps: readonly TableDump[]): void;
  /** Births of the rows that this one may be part of or have taken in; without its own. */
  kinOf(table: SimulatedTable, birth: string): ReadonlySet<string>;
}

export function createKinRows(tables: readonly SimulatedTable[]): KinRows {
  const merging = new Map(
    tables.flatMap((table) => {
      const columns = uniqueColumns(table);
      return columns.length > 0 && (table.uniquePolicy ?? 'merge') === 'merge' ? [[table.name, columns] as const] : [];
    }),
  );
  const valuesByRow = new Map<string, Set<string>>();
  const birthsByValue = new Map<string, Set<string>>();
  const noteValue = (table: string, birth: string, value: string): void => {
    setAt(valuesByRow, `${table}\0${birth}`).add(value);
    setAt(birthsByValue, value).add(birth);
  };
  return {
    note(dumps) {
      for (const dump of dumps)
        for (const column of merging.get(dump.name) ?? []) {
          const at = dump.columns.indexOf(column);
          for (const [birth, row] of rowsByBirth(dump)) {
            const cell = row[at] ?? 'null';
            // Some compare without case.
            if (cell !== 'null') noteValue(dump.name, birth, `${dump.name}\0${column}\0${cell.toLowerCase()}`);
          }
        }
    },
    kinOf({ name }, birth) {
      const kin = new Set([birth]);
      for (const each of kin)
        for (const value of valuesByRow.get(`${name}\0${each}`) ?? [])
          for (const other of birthsByValue.get(value) ?? []) kin.add(other);
      kin.delete(birth);
      return kin;
    },
  };
}

const uniqueColumns = ({ columns }: SimulatedTable): string[] =>
  columns.flatMap(({ name, isUnique, isOfUnique }) => (isUnique === true || isOfUnique === true ? [name] : []));

function setAt(sets: Map<string, Set<string>>, key: string): Set<string> {
  const set = sets.get(key) ?? new Set<string>();
  sets.set(key, set);
  return set;
}
