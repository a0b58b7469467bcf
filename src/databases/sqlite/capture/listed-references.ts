/** What lists of references mean, written beside them when they are captured (`core/reference-list.ts`). */
import { compareCellStamps, type CellStamp } from '../../../core/cell-stamp.js';
import type { Cell } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { listColumn, listedRows, listedRowsText, numbersIn } from '../../../core/reference-list.js';
import type { Stamp } from '../../../core/stamp.js';
import type { ListSchema } from '../../../core/table-schema.js';
import type { CellValue, SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { keptCell } from '../merge/component-loader.js';
import { joinsKeys, joinsTable, type SyncedTable } from '../schema/synced-table.js';
import { partsOfRow, putIntoParts } from '../stores/row-parts.js';
import { shadowColumnCount, shadowColumns, stampAt, type Key, type Shadow } from '../stores/shadow-store.js';
import type { Comparison } from './comparison.js';
import { shadowsOf } from './dangling-references.js';
import { genesisRow } from './genesis-row.js';

/** Rows of the batch whose lists have no mark of their time yet. Shadows of all tables must be written. */
export function captureLists(comparison: Comparison): void {
  for (const list of comparison.table.schema.lists ?? []) captureList(comparison, list);
}

interface MarkedRow {
  readonly life: LifeName;
  readonly others: readonly LifeName[];
  readonly key: Key;
  readonly cell: { readonly value: string | null; readonly at: CellStamp };
}

function captureList(comparison: Comparison, list: ListSchema): void {
  const { context, table, batch } = comparison;
  const parent = context.tables.byName(list.parentTable);
  const position = table.positionByColumn.get(list.column);
  if (!parent?.isRowidKey || position === undefined) return;
  const rowOf = createRowLookup(comparison, parent);
  const marked: MarkedRow[] = [];
  const keys = table.keySql.map((key) => `r.${key}`).join(', ');
  for (const { sql, condition } of shadowsOf(comparison, table)) {
    const found = context.connection
      .cached(
        `SELECT ${shadowColumns('s')}, r.${quoteName(list.column)}, ${keys} FROM temp._usync_batch b
         CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
         CROSS JOIN ${sql} s ON ${joinsKeys(table, 's', 'b')}
         WHERE b.n BETWEEN ?1 AND ?2 ${condition}`,
      )
      .allExact(BigInt(batch.first), BigInt(batch.last));
    for (const row of found) {
      const shadow = context.shadows.read(row, 0);
      const value = row[shadowColumnCount] ?? null;
      const cell = markOf(comparison, list, { shadow, position, value, rowOf });
      if (!cell) continue;
      const others = putMark(comparison, listColumn(list.column), { shadow, cell });
      marked.push({ life: shadow.life, others, key: row.slice(shadowColumnCount + 1), cell });
    }
  }
  if (marked.length > 0) addMarks(comparison, listColumn(list.column), marked);
}

interface FoundList {
  readonly shadow: Shadow;
  readonly position: number;
  readonly value: SqlValue;
  readonly rowOf: (number: bigint) => LifeName | null;
}

/** The mark that is to stand beside the list; null where it does. */
function markOf(
  { context, table }: Comparison,
  { column, format }: ListSchema,
  { shadow, position, value, rowOf }: FoundList,
): { readonly value: string | null; readonly at: CellStamp } | null {
  const at = stampAt(shadow, position);
  const extras = context.asides.extraCells(table.name, shadow.life);
  const standing = extras?.get(listColumn(column));
  if (standing && compareCellStamps(standing.at, at) === 0) return null;
  const kept = extras && keptCell(extras, column, { shadow, position });
  // The row shows other numbers than its list holds: it was written as it was, so it means what it meant.
  if (kept) return standing ? { value: listedRowsText(listedRows(standing.value)), at } : null;
  const rows = new Map(
    numbersIn(format, value).flatMap((number) => {
      const row = rowOf(number);
      return row ? [[number, row] as const] : [];
    }),
  );
  return rows.size === 0 && !standing ? null : { value: listedRowsText(rows), at };
}

function createRowLookup({ context, sink }: Comparison, parent: SyncedTable): FoundList['rowOf'] {
  const { connection, shadows } = context;
  const sources = sink.isStaged ? [sink.staged(parent).shadowSql, parent.shadowSql] : [parent.shadowSql];
  const known = new Map<bigint, LifeName | null>();
  const find = (number: bigint): LifeName | null => {
    const isThere = connection.cached(`SELECT 1 FROM ${parent.sql} WHERE ${parent.keySql[0] ?? ''} = ?`).get(number);
    if (!isThere) return null;
    for (const sql of sources) {
      const row = connection.cached(`SELECT ${shadowColumns('s')} FROM ${sql} s WHERE k1 = ?`).getExact(number);
      const shadow = row && shadows.read(row, 0);
      if (shadow) return shadow.row ?? shadow.life;
    }
    // A row that is not adopted yet will be adopted under this name.
    return genesisRow(parent, [number]);
  };
  return (number) => {
    const row = known.has(number) ? (known.get(number) ?? null) : find(number);
    known.set(number, row);
    return row;
  };
}

/** Into every life of the row, as the list itself. Returns the lives beside the one that is shown. */
function putMark(
  { context, table, sink }: Comparison,
  column: string,
  { shadow, cell }: { readonly shadow: Shadow; readonly cell: Cell },
): readonly LifeName[] {
  const { asides } = context;
  const parts = partsOfRow(context, table.name, shadow);
  sink.later(() => {
    const extras = asides.extraCells(table.name, shadow.life) ?? new Map<string, Cell>();
    asides.putExtraCells(table.name, shadow.life, new Map([...extras, [column, cell]]));
    putIntoParts(context, parts, [column, cell]);
  });
  return parts.map(({ life }) => life);
}

function addMarks({ table, changeset }: Comparison, column: string, rows: readonly MarkedRow[]): void {
  const isOwn = ({ cell }: MarkedRow): boolean => cell.at.origin === changeset.origin && cell.at.weak === undefined;
  const timeOf = (row: MarkedRow): Stamp => (isOwn(row) ? row.cell.at.stamp : changeset.stamp);
  changeset.add({
    kind: 'update',
    table: table.name,
    columns: [column],
    count: rows.length,
    lives: rows.map(({ life, others }) => [life, ...others]),
    keyColumns: table.schema.key,
    keys: table.isBag ? [] : table.keySql.map((_, part) => rows.map(({ key }) => key[part] ?? null)),
    times: rows.map(timeOf),
    cellStamps: new Map(rows.flatMap((row, i) => (isOwn(row) ? [] : [[i, new Map([[0, row.cell.at]])] as const]))),
    values: [rows.map(({ cell }): CellValue => cell.value)],
  });
}
