import { stampAbove } from '../../../core/cell-stamp.js';
import { danglingColumn, danglingText } from '../../../core/dangling-mark.js';
import type { Cell } from '../../../core/life-state.js';
import type { ReferenceSchema } from '../../../core/table-schema.js';
import { RowReference, type SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { joinsKeys, joinsTable, type SyncedTable } from '../schema/synced-table.js';
import { partsOfRow, putIntoParts } from '../stores/row-parts.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { shadowColumns, type Shadow } from '../stores/shadow-store.js';
import type { Comparison } from './comparison.js';

/** Rows of the batch whose references by value dangle: the application does not enforce them, so no server does. */
export function markDangling(comparison: Comparison): void {
  const { context, table, batch } = comparison;
  for (const reference of table.schema.references) {
    if (!isByValue(comparison, table, reference)) continue;
    for (const { sql, condition } of shadowsOf(comparison, table)) {
      const found = context.connection
        .cached(
          `${selectDangling(table, reference)} FROM temp._usync_batch b
           CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
           CROSS JOIN ${sql} s ON ${joinsKeys(table, 's', 'b')}
           WHERE b.n BETWEEN ?1 AND ?2 AND ${dangles(comparison, reference)} ${condition}`,
        )
        .allExact(BigInt(batch.first), BigInt(batch.last));
      markRows(comparison, table, { reference, found });
    }
  }
}

/** What the batch of a parent table took away: whole rows, or values of some columns, by their place in the layout. */
export interface TakenAway {
  readonly hasEnds: boolean;
  readonly changed: ReadonlySet<number>;
}

/** Children that were left behind when their parent was deleted or got another key. */
export function markOrphans(comparison: Comparison, { hasEnds, changed }: TakenAway): void {
  const { context, table, batch } = comparison;
  for (const child of context.tables.all()) {
    for (const reference of child.schema.references) {
      if (reference.parentTable !== table.name || !isByValue(comparison, child, reference)) continue;
      const isTaken =
        hasEnds || reference.parentColumns.some((column) => changed.has(table.positionByColumn.get(column) ?? -1));
      if (!isTaken) continue;
      const isNear = isByPlainKey(comparison, reference);
      const near = isNear
        ? `AND (${reference.columns.map((column) => `r.${quoteName(column)}`).join(', ')}) IN (
            SELECT ${reference.parentColumns.map((column) => `b.k${table.schema.key.indexOf(column) + 1}`).join(', ')}
            FROM temp._usync_batch b WHERE b.n BETWEEN ?1 AND ?2)`
        : '';
      for (const { sql, condition } of shadowsOf(comparison, child)) {
        const found = context.connection
          .cached(
            `${selectDangling(child, reference)} FROM ${child.sql} r
             CROSS JOIN ${sql} s ON ${joinsTable(child, 's', 'r')}
             WHERE ${dangles(comparison, reference)} ${near} ${condition}`,
          )
          .allExact(...(isNear ? [BigInt(batch.first), BigInt(batch.last)] : []));
        markRows(comparison, child, { reference, found });
      }
    }
  }
}

function isByValue(
  { context }: Comparison,
  table: SyncedTable,
  { byRow, columns, parentTable }: ReferenceSchema,
): boolean {
  return (
    (!byRow || columns.length > 1) &&
    context.tables.byName(parentTable) !== null &&
    columns.every((column) => table.positionByColumn.has(column))
  );
}

/** The keys of the batch tell which children to look at: all that was taken away are whole keys, compared byte by byte. */
function isByPlainKey({ table, oldKeys }: Comparison, { parentColumns }: ReferenceSchema): boolean {
  const { key } = table.schema;
  return (
    oldKeys.size === 0 &&
    parentColumns.length === key.length &&
    key.every((column) => parentColumns.includes(column)) &&
    table.form.key.every(({ collation }) => collation === undefined || collation === 'BINARY')
  );
}

interface ShadowSource {
  readonly sql: string;
  readonly condition: string;
}

/** Shadows of a large drain are in the temporary database until all of it is read. */
export function shadowsOf({ sink }: Comparison, table: SyncedTable): ShadowSource[] {
  if (!sink.isStaged) return [{ sql: table.shadowSql, condition: '' }];
  const { shadowSql } = sink.staged(table);
  return [
    { sql: shadowSql, condition: '' },
    {
      sql: table.shadowSql,
      condition: `AND NOT EXISTS (SELECT 1 FROM ${shadowSql} q WHERE ${joinsKeys(table, 'q', 's')})`,
    },
  ];
}

const selectDangling = (table: SyncedTable, { columns }: ReferenceSchema): string =>
  `SELECT ${[...columns.map((column) => `r.${quoteName(column)}`), ...table.keySql.map((key) => `r.${key}`)].join(', ')},
     ${shadowColumns('s')}`;

function dangles({ context }: Comparison, { columns, parentTable, parentColumns }: ReferenceSchema): string {
  const parent = context.tables.byName(parentTable);
  const meets = columns.map((column, i) => `p.${quoteName(parentColumns[i] ?? '')} = r.${quoteName(column)}`);
  const named = columns.map((column) => `r.${quoteName(column)} IS NOT NULL`).join(' AND ');
  return `${named} AND NOT EXISTS (SELECT 1 FROM ${parent?.sql ?? ''} p WHERE ${meets.join(' AND ')})`;
}

interface FoundDangling {
  readonly reference: ReferenceSchema;
  readonly found: readonly (readonly SqlValue[])[];
}

function markRows(comparison: Comparison, table: SyncedTable, { reference, found }: FoundDangling): void {
  if (found.length === 0) return;
  const { context } = comparison;
  const width = reference.columns.length;
  const shadowAt = width + table.keySql.length;
  const refused = refusedParents(context, reference);
  for (const row of found) {
    const shadow = context.shadows.read(row, shadowAt);
    const value = danglingText(row.slice(0, width));
    if (value !== null && refused.has(value)) continue;
    markRow(comparison, { table, reference, value, key: row.slice(width, shadowAt), shadow });
  }
}

/** Parents that the group shows and that the schema refuses here, or a row that is yet to be adopted: no application left their children. */
function refusedParents({ asides }: ReplicaContext, { parentTable, parentColumns }: ReferenceSchema): Set<string> {
  const refused = new Set<string>();
  if (asides.isEmpty(parentTable)) return refused;
  for (const { why, cells } of asides.all(parentTable)) {
    if (why !== 'refused') continue;
    const values = parentColumns.map((column) => cells.get(column)?.value ?? null);
    const text = values.some((value) => value instanceof RowReference) ? null : danglingText(values as SqlValue[]);
    if (text !== null) refused.add(text);
  }
  return refused;
}

interface DanglingRow {
  readonly table: SyncedTable;
  readonly reference: ReferenceSchema;
  readonly value: string | null;
  readonly key: readonly SqlValue[];
  readonly shadow: Shadow;
}

function markRow(comparison: Comparison, { table, reference, value, key, shadow }: DanglingRow): void {
  const { context, changeset, sink } = comparison;
  const { asides } = context;
  const column = danglingColumn(reference.columns);
  const standing = asides.extraCells(table.name, shadow.life)?.get(column);
  if (standing?.value === value) return;
  const parts = partsOfRow(context, table.name, shadow);
  const at = stampAbove(changeset.stamp, changeset.origin, standing?.at);
  const cell: Cell = { value, at };
  sink.later(() => {
    const extras = asides.extraCells(table.name, shadow.life) ?? new Map<string, Cell>();
    asides.putExtraCells(table.name, shadow.life, new Map([...extras, [column, cell]]));
    putIntoParts(context, parts, [column, cell]);
  });
  changeset.add({
    kind: 'update',
    table: table.name,
    columns: [column],
    count: 1,
    lives: [[shadow.life, ...parts.map(({ life }) => life)]],
    keyColumns: table.schema.key,
    keys: table.isBag ? [] : key.map((each) => [each]),
    times: [changeset.stamp],
    cellStamps: at.stamp === changeset.stamp ? new Map() : new Map([[0, new Map([[0, at]])]]),
    values: [[value]],
  });
}
