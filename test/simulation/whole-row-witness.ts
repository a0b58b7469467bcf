/** Tables that merge by whole rows: no row is shown that no application wrote as a whole. */
import type { Plan } from './plan.js';
import type { SimulatedColumn, SimulatedTable } from './table-design.js';
import type { TableDump } from './table-dump.js';
import type { Witness } from './witness.js';

export function createWholeRowWitness(plan: Plan): Witness | null {
  const whole = new Map(
    plan.tables.flatMap((table, index) =>
      table.isWholeRow === true ? [[table.name, columnsOf(plan, table, index)] as const] : [],
    ),
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
function columnsOf(
  { migrations = [], leftOut = [] }: Plan,
  { bornColumn, columns }: SimulatedTable,
  index: number,
): string[] {
  const dropped = new Set([
    ...migrations.flatMap((change) => (change.kind === 'drop-column' && change.table === index ? [change.column] : [])),
    ...leftOut.flatMap(({ table, column }) => (table === index && column !== undefined ? [column] : [])),
  ]);
  const isWritten = ({ name, rule, isUnique, isOfUnique }: SimulatedColumn): boolean =>
    rule === undefined && isUnique !== true && isOfUnique !== true && !dropped.has(name);
  return [bornColumn, ...columns.filter(isWritten).map(({ name }) => name)];
}
