/** Tables that merge by whole rows: no row is shown that no application wrote as a whole. */
import type { Plan } from './plan.js';
import type { SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';
import type { Witness } from './witness.js';

export function createWholeRowWitness({ tables }: Plan): Witness | null {
  const whole = new Map(
    tables.filter(({ isWholeRow }) => isWholeRow === true).map((table) => [table.name, columnsOf(table)]),
  );
  if (whole.size === 0) return null;
  const written = new Set<string>();
  const textsOf = (dump: TableDump): string[] => {
    const columns = whole.get(dump.name);
    if (!columns) return [];
    const places = columns.map((column) => dump.columns.indexOf(column));
    return dump.rows.map((row) => `${dump.name}: ${places.map((at) => row[at] ?? 'absent').join('\t')}`);
  };
  return {
    note: ({ before, after }) => {
      const stood = new Set(before.flatMap(textsOf));
      for (const text of after.flatMap(textsOf)) if (!stood.has(text)) written.add(text);
    },
    noteDrained: () => undefined,
    judge: (dumps) => {
      const mixed = dumps.flatMap(textsOf).find((text) => !written.has(text));
      return mixed === undefined ? null : { promise: 'MIXED', text: `no application wrote this row: ${mixed}` };
    },
  };
}

/**
 * The key says which row it is and merges by itself, as columns with a rule do; values of unique columns may be renamed, and
 * references follow their rows.
 */
const columnsOf = ({ bornColumn, columns }: SimulatedTable): string[] => [
  bornColumn,
  ...columns
    .filter(({ rule, isUnique, isOfUnique }) => rule === undefined && isUnique !== true && isOfUnique !== true)
    .map(({ name }) => name),
];
