import { compareCellStamps, stampAbove, type CellStamp } from '../../../core/cell-stamp.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { Comparison } from './comparison.js';
import { shadowsOf } from './dangling-references.js';
import { keptCell, pinCell } from '../merge/component-loader.js';
import { quoteName, valueAs } from '../connection/identifiers.js';
import { createRowReferences } from './row-references.js';
import { partsOfRow, putIntoParts } from '../stores/row-parts.js';
import { shadowColumnCount, shadowColumns, stampAt, type Shadow } from '../stores/shadow-store.js';
import { joinsKeys, joinsTable, type SyncedTable } from '../schema/synced-table.js';

/**
 * An application that does not enforce its foreign keys may delete a parent and leave its children as they are. They
 * named the parent's row until now; from here on they hold what the application shows: the bare number, or the row that
 * has taken it. Without this every other server would do to them what the foreign key declares.
 */
export function captureOrphans(comparison: Comparison): void {
  const { context, table } = comparison;
  if (table.isBag || !table.isRowidKey) return;
  for (const child of context.tables.all()) {
    for (const { byRow, parentTable, columns } of child.schema.references) {
      const [column] = columns;
      if (byRow && parentTable === table.name && column !== undefined) captureOrphansIn(comparison, child, column);
    }
  }
}

function captureOrphansIn(comparison: Comparison, child: SyncedTable, column: string): void {
  const { context, table, batch, sink, changeset } = comparison;
  const position = child.positionByColumn.get(column);
  if (position === undefined) return;
  const references = createRowReferences(context, child, sink);
  const layout = child.layout.map((each) => `r.${quoteName(each)}`).join(', ');
  const keys = child.keySql.map((key) => `r.${key}`).join(', ');
  // The number of a row whose key was changed is no longer its own, even if another row has taken it.
  const oldNumbers = [...comparison.oldKeys.values(), ...comparison.takenKeys].flatMap(([number]) =>
    typeof number === 'bigint' ? [number] : [],
  );
  const width = child.layout.length;
  const shadowAt = width + child.keySql.length;
  for (const { sql, condition } of shadowsOf(comparison, child)) {
    const found = context.connection
      .cached(
        `SELECT ${layout}, ${keys}, ${[shadowColumns('s'), ...references.columns].join(', ')}
         FROM ${child.sql} r CROSS JOIN ${sql} s ON ${joinsTable(child, 's', 'r')} ${references.joins}
         WHERE r.${quoteName(column)} IN (
           SELECT ${valueAs(child.affinityByColumn.get(column), 'b.k1')} FROM (
             SELECT k1, d FROM temp._usync_batch WHERE n BETWEEN ?1 AND ?2 UNION ALL SELECT value, 1 FROM json_each(?3)) b
           WHERE b.d = 1 OR NOT EXISTS (SELECT 1 FROM ${table.sql} p WHERE p.${table.keySql[0] ?? ''} = b.k1)) ${condition}`,
      )
      .allExact(BigInt(batch.first), BigInt(batch.last), `[${oldNumbers.join(',')}]`);
    for (const row of found) {
      const shadow = context.shadows.read(row, shadowAt);
      if (shadow.life.stamp === changeset.stamp && shadow.life.origin === changeset.origin) continue;
      const value = references.cell(row, shadowAt + shadowColumnCount, position) ?? null;
      captureOrphan(comparison, { child, column, position, key: row.slice(width, shadowAt), shadow, value });
    }
  }
}

interface Orphan {
  readonly child: SyncedTable;
  readonly column: string;
  readonly position: number;
  readonly key: readonly SqlValue[];
  readonly shadow: Shadow;
  readonly value: CellValue;
}

function captureOrphan(
  { context, changeset, sink }: Comparison,
  { child, column, position, key, shadow, value }: Orphan,
): void {
  const { asides } = context;
  const extras = asides.extraCells(child.name, shadow.life);
  const standingAt = stampAt(shadow, position);
  const known = extras ? keptCell(extras, column, { shadow, position })?.value : undefined;
  if (known !== undefined && !(known instanceof RowReference) && !(value instanceof RowReference)) return;
  const parts = partsOfRow(context, child.name, shadow);
  let replaced = standingAt;
  for (const { cells } of parts) {
    const at = cells.get(column)?.at;
    if (at && compareCellStamps(at, replaced) > 0) replaced = at;
  }
  const at: CellStamp = stampAbove(changeset.stamp, changeset.origin, replaced);
  const exceptions = new Map([...(shadow.exceptions ?? []), [position, at] as const]);
  sink.putAll(child, [{ key, shadow: { ...shadow, exceptions } }]);
  sink.later(() => {
    // What was read is old by now where another column of the same row was written as well.
    putIntoParts(context, parts, [column, { value, at }]);
    if (value instanceof RowReference) return;
    const pinned = new Map(asides.extraCells(child.name, shadow.life) ?? []);
    pinCell(pinned, column, { value, at }, at);
    asides.putExtraCells(child.name, shadow.life, pinned);
  });
  changeset.add({
    kind: 'update',
    table: child.name,
    columns: [column],
    count: 1,
    lives: [[shadow.life, ...parts.map(({ life }) => life)]],
    keyColumns: child.schema.key,
    keys: child.isBag ? [] : key.map((part) => [part]),
    times: [changeset.stamp],
    cellStamps: at.stamp === changeset.stamp ? new Map() : new Map([[0, new Map([[0, at]])]]),
    values: [[value]],
  });
}

/**
 * References that dangle when they are captured stay the numbers that they are, here as everywhere, even when such a row
 * comes later. So does what has not the form of a reference. Where the row was removed unseen, everybody has the reference to
 * it until its end is captured, and its children with it.
 */
export function pinDangling(comparison: Comparison): void {
  const { context, table, batch, sink, changeset } = comparison;
  for (const { byRow, parentTable, columns } of table.schema.references) {
    const [column] = columns;
    const parent = context.tables.byName(parentTable);
    const position = column === undefined ? undefined : table.positionByColumn.get(column);
    if (!byRow || !parent || column === undefined || position === undefined) continue;
    const value = `r.${quoteName(column)}`;
    const sql = `SELECT ${value}, ${shadowColumns('s')}
      FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
      CROSS JOIN ${table.shadowSql} s ON ${joinsKeys(table, 's', 'b')}
      WHERE b.n BETWEEN ?1 AND ?2 AND ${value} IS NOT NULL AND (${isNoReference(table, parent, column)}
        OR NOT EXISTS (SELECT 1 FROM ${parent.sql} p WHERE p.${parent.keySql[0] ?? ''} = ${value})
          AND (s.s = ?3 AND s.o = ?4 OR NOT EXISTS (SELECT 1 FROM ${parent.shadowSql} q WHERE q.k1 = ${value})))`;
    const own = [BigInt(changeset.stamp), BigInt(changeset.originNumber)];
    // The shadows of a large drain are in their place only then.
    sink.later(() => {
      for (const row of context.connection.cached(sql).allExact(BigInt(batch.first), BigInt(batch.last), ...own)) {
        pinNumber(context, { table, column, position, number: row[0] ?? null, shadow: context.shadows.read(row, 1) });
      }
    });
  }
}

/** SQLite finds a row for '05' too, but shown again it would be '5': it is no reference. */
function isNoReference(table: SyncedTable, parent: SyncedTable, column: string): string {
  if (!parent.isRowidKey) return 'TRUE';
  const value = `r.${quoteName(column)}`;
  const affinity = table.affinityByColumn.get(column);
  if (affinity === 'TEXT') return `${value} <> CAST(CAST(${value} AS INTEGER) AS TEXT)`;
  return `typeof(${value}) <> '${affinity === 'REAL' ? 'real' : 'integer'}'`;
}

interface DanglingNumber {
  readonly table: SyncedTable;
  readonly column: string;
  readonly position: number;
  readonly number: SqlValue;
  readonly shadow: Shadow;
}

function pinNumber(
  { asides }: Comparison['context'],
  { table, column, position, number, shadow }: DanglingNumber,
): void {
  const at = stampAt(shadow, position);
  const extras = new Map(asides.extraCells(table.name, shadow.life) ?? []);
  if (keptCell(extras, column, { shadow, position })) return;
  pinCell(extras, column, { value: number, at }, at);
  asides.putExtraCells(table.name, shadow.life, extras);
}
