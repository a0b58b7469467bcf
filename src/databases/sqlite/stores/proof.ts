import { columnNotHere, rowTooLarge, tableNotHere, type TableDigest } from '../../../core/digest.js';
import { columnsHash } from '../../../core/row-hash.js';
import type { Proof } from '../../replica.js';
import { tablesWithOutgrownRows, tooLargeRows } from '../capture/too-large-rows.js';
import { lostTables, tablesWithLostColumns } from './lost-tables.js';
import { schemaTable } from '../schema/schema-table.js';
import type { ReplicaContext } from './replica-context.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Vector and digests as they stand in the stores: a few reads. The caller holds one read transaction around it. */
export function readProof(context: ReplicaContext): Proof {
  const { tables, origins, asides } = context;
  const digest = new Map<string, TableDigest>();
  for (const table of tables.all())
    digest.set(table.name, { ...tables.digest(table), columns: comparedColumns(table) });
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
    lost: [...lostTables(context), ...tablesWithLostColumns(context)].flatMap(
      (number) => tables.byNumber(number)?.name ?? [],
    ),
    held: tables.all().reduce((sum, table) => sum + asides.countHeld(table.name), tooLargeRows(context).length),
  };
}

/** A reference travels as a row, which has no number where the schema knows of no reference. */
const comparedColumns = ({ layout, schema }: SyncedTable): number =>
  columnsHash([
    ...layout,
    ...schema.references.flatMap(({ byRow, columns }) => (byRow ? [`${columns[0] ?? ''} references`] : [])),
    ...(schema.lists ?? []).map(({ column }) => `${column} lists`),
  ]);
