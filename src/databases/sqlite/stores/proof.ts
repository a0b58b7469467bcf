import { columnNotHere, rowTooLarge, tableNotHere, type TableDigest } from '../../../core/digest.js';
import { columnsHash } from '../../../core/row-hash.js';
import type { Proof } from '../../replica.js';
import { tablesWithOutgrownRows, tooLargeRows } from '../capture/too-large-rows.js';
import { tablesWithLostColumns, tablesWithoutRows } from './lost-tables.js';
import { schemaTable } from '../schema/schema-table.js';
import type { ReplicaContext } from './replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Vector and digests as they stand in the stores: a few reads. The caller holds one read transaction around it. */
export function readProof(context: ReplicaContext): Proof {
  const { tables, origins, asides } = context;
  const digest = new Map<string, TableDigest>();
  for (const table of tables.all())
    digest.set(table.name, { ...tables.digest(table), columns: comparedColumns(context, table) });
  const unknown = asides.tables().filter((name) => name !== schemaTable && tables.byName(name) === null);
  const leftOut = tables.leftOut().map(({ name, reason }) => `${name}: ${reason}`);
  for (const { name, schema } of tables.all()) {
    for (const column of schema.columns)
      if (column.rule === 'left-out') leftOut.push(`${name}.${column.name}: left out`);
    const known = new Set(schema.columns.map((column) => column.name));
    for (const column of asides.extraColumns(name)) if (!known.has(column)) leftOut.push(columnNotHere(name, column));
  }
  leftOut.push(...tablesWithOutgrownRows(context).map(({ name }) => rowTooLarge(name)));
  return {
    vector: origins.vector(),
    digest,
    leftOut: [...leftOut, ...unknown.map(tableNotHere)],
    lost: [...tablesWithoutRows(context), ...tablesWithLostColumns(context)].flatMap(
      (number) => tables.byNumber(number)?.name ?? [],
    ),
    held: tables.all().reduce((sum, table) => sum + asides.countHeld(table.name), tooLargeRows(context).length),
  };
}

/**
 * Tables are compared where they have the same columns. A reference travels as a row, which has no number where the schema
 * knows of no reference. And where one server has a unique constraint that another has not, it hides rows that the other
 * shows, and with them what refers to them: so what can be hidden in the table, and in those above it, counts as well.
 */
const comparedColumns = ({ tables }: ReplicaContext, table: SyncedTable): number => {
  const { layout, schema } = table;
  return columnsHash([
    ...layout,
    ...schema.references.flatMap(({ byRow, columns }) => (byRow ? [`${columns[0] ?? ''} references`] : [])),
    ...(schema.lists ?? []).map(({ column }) => `${column} lists`),
    ...uniquesOf(table),
    ...tablesAbove(tables, table).flatMap((above) => uniquesOf(above).map((unique) => `above ${unique}`)),
  ]);
};

/** What is computed may be written differently and mean the same. Where servers make other things of a clash, rows truly differ. */
const uniquesOf = ({ schema }: SyncedTable): string[] => [
  ...new Set(
    schema.uniques.map(({ columns, isPlain }) => (isPlain ? `unique ${columns.toSorted().join()}` : 'unique computed')),
  ),
];

/** Those that it refers to, and those that these refer to. */
function tablesAbove(tables: ReplicaContext['tables'], table: SyncedTable): SyncedTable[] {
  const found = new Set([table]);
  for (const { schema } of found)
    for (const { parentTable } of [...schema.references, ...(schema.lists ?? [])]) {
      const parent = tables.byName(parentTable);
      if (parent) found.add(parent);
    }
  found.delete(table);
  return [...found];
}
