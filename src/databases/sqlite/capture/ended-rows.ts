import type { EndReason } from '../../../core/changeset.js';
import type { LifeName } from '../../../core/life.js';
import type { SqlValue } from '../../../core/value.js';
import { createRenumberedLists } from '../merge/listing-rows.js';
import { settleListsOf } from '../merge/tables-to-settle.js';
import type { AsideLife } from '../stores/aside-store.js';
import { createConflictRecorder } from '../stores/conflict-recorder.js';
import { eachPage, type Comparison } from './comparison.js';
import { rowOfShadow } from '../stores/row-parts.js';
import type { Key, Shadow } from '../stores/shadow-store.js';
import { shadowColumns } from '../stores/shadow-store.js';
import { joinsKeys, joinsTable, shadowKeyColumns } from '../schema/synced-table.js';

/**
 * Rows of the batch that are gone, or whose place another row has taken: their lives end (rules R2.3, R2.5). Returns how
 * many.
 */
export function captureEnds(comparison: Comparison): number {
  let count = 0;
  const { table, context, sink } = comparison;
  const isListed = createRenumberedLists(context, table);
  const keys = shadowKeyColumns(table);
  const sql = `SELECT ${keys.map((key) => `s.${key}`).join(', ')}, ${shadowColumns('s')}
    FROM temp._usync_batch b CROSS JOIN ${table.shadowSql} s ON ${joinsKeys(table, 's', 'b')}
    WHERE b.n BETWEEN ?1 AND ?2
      AND (b.d = 1 OR NOT EXISTS (SELECT 1 FROM ${table.sql} r WHERE ${joinsTable(table, 'b', 'r')})) ORDER BY b.n`;
  eachPage(comparison, sql, {
    take(rows) {
      const ended = rows.map((row) => ({
        key: row.slice(0, keys.length),
        shadow: context.shadows.read(row, keys.length),
      }));
      if (ended.some(({ shadow }) => isListed(shadow))) sink.later(() => settleListsOf(context, table));
      endRows(comparison, 'delete', ended);
      count += ended.length;
    },
  });
  return count;
}

export interface EndedRow {
  readonly key: Key;
  readonly shadow: Shadow;
}

/** Ends shown rows with everything that ends with them, and forgets their shadows. */
export function endRows(comparison: Comparison, why: EndReason, ended: readonly EndedRow[]): void {
  const { table, context, changeset, sink } = comparison;
  if (ended.length === 0) return;
  changeset.add({
    kind: 'end',
    table: table.name,
    why,
    count: ended.length,
    lives: ended.map(({ shadow }) => livesOf(comparison, shadow)),
    keyColumns: table.schema.key,
    keys: table.isBag ? [] : keysByColumn(table.keySql.length, ended),
  });
  for (const { key, shadow } of ended) {
    sink.remove(table, key);
    sink.digests.removeRow(table, shadow.hash);
    if (context.lives.hasMoved(table)) sink.later(() => context.lives.notMoved(table, shadow.life));
    if (context.asides.hasExtraCells(table.name)) {
      sink.later(() => context.asides.removeExtraCells(table.name, shadow.life));
    }
  }
}

/** The lives of the row, and of rows hidden behind it as the same thing. Those that are aside are removed there. */
function livesOf({ table, context, sink }: Comparison, shadow: Shadow): LifeName[] {
  const { asides } = context;
  const lives = [shadow.life];
  if (asides.isEmpty(table.name)) return lives;
  const rows = [rowOfShadow(context, table.name, shadow)];
  for (let row = rows.pop(); row; row = rows.pop()) {
    for (const aside of asides.behind(table.name, row)) {
      const endsToo = aside.why === 'part' || aside.why === 'key-loser' || aside.why === 'merging';
      if (!endsToo || lives.some((life) => life === aside.life || isSame(life, aside.life))) continue;
      lives.push(aside.life);
      rows.push(context.aliases.rowNow(table.name, aside.row));
      if (aside.why === 'merging') sink.later(() => tellOfHidden(context, aside));
      sink.later(() => asides.remove(table.name, aside.life));
    }
  }
  return lives;
}

/** No application has seen what the row held: without this it would go and nobody would be told. */
function tellOfHidden(context: Comparison['context'], { table, life, key, cells }: AsideLife): void {
  const conflicts = createConflictRecorder(context);
  conflicts.hidden({ table, life, key: key ?? [] }, cells);
}

const isSame = (a: LifeName, b: LifeName): boolean =>
  a.stamp === b.stamp && a.index === b.index && a.origin === b.origin;

function keysByColumn(count: number, rows: readonly EndedRow[]): SqlValue[][] {
  return Array.from({ length: count }, (_, part) => rows.map(({ key }) => key[part] ?? null));
}
