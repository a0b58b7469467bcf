/**
 * What rows showed in columns with a rule of their own (`counter`, `max`, ...) when they were last captured or merged: what
 * an application added, or whether its value may stand, is told only by the value before. Kept in `_usync_v<N>` by
 * temporary triggers of this connection on the shadows, so that it moves with them; it names no column of the application
 * in the application's schema.
 */
import { isRuled, type ColumnRule } from '../../../core/table-schema.js';
import { quoteName } from '../connection/identifiers.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';

export interface RuledColumn {
  readonly name: string;
  readonly position: number;
  readonly rule: ColumnRule;
}

const ruledByTable = new WeakMap<SyncedTable, readonly RuledColumn[]>();

export function ruledColumns(table: SyncedTable): readonly RuledColumn[] {
  const known = ruledByTable.get(table);
  if (known) return known;
  const found = table.schema.columns.flatMap(({ name, rule }) => {
    const position = table.positionByColumn.get(name);
    return position !== undefined && isRuled(rule) ? [{ name, position, rule }] : [];
  });
  ruledByTable.set(table, found);
  return found;
}

export const knownValuesTable = (table: SyncedTable): string => `main._usync_v${table.number}`;

/** `v1, v2, ...`: in the order of `ruledColumns`. */
export const knownValueColumns = (table: SyncedTable): string[] => ruledColumns(table).map((_, i) => `v${i + 1}`);

/**
 * Puts everything in place. At the start of each write transaction, and when the schema was followed (`isFollowing`); costs
 * nothing where no column has such a rule. While the schema has moved nothing is read: a table may be gone.
 */
export function keepKnownValues(context: ReplicaContext, { isFollowing = false } = {}): void {
  const ruled = context.tables.all().filter((table) => ruledColumns(table).length > 0);
  if (ruled.length === 0 && context.meta.text('known-values') === null) return;
  // Each table that is made here moves the schema as well: asked once.
  if (!isFollowing && hasSchemaMoved(context)) return;
  const stored = JSON.parse(context.meta.text('known-values') ?? '{}') as Record<string, string>;
  const wanted: Record<string, string> = {};
  for (const table of ruled) {
    const shape = JSON.stringify([table.keySql, ruledColumns(table).map(({ name }) => name)]);
    wanted[table.number] = shape;
    if (stored[table.number] !== shape) fill(context, table);
    if (!hasTriggers(context, table)) createTriggers(context, table);
  }
  for (const number of Object.keys(stored))
    if (!(number in wanted)) context.connection.exec(`DROP TABLE IF EXISTS main._usync_v${number}`);
  context.meta.set('known-values', ruled.length === 0 ? null : JSON.stringify(wanted));
}

/** From the rows as they stand: what was written since the last capture counts as known. */
function fill({ connection }: ReplicaContext, table: SyncedTable): void {
  const keys = shadowKeyColumns(table);
  const name = knownValuesTable(table);
  connection.exec(`DROP TABLE IF EXISTS ${name}`);
  const columns = [...keys.map((key, i) => `${key} ${table.keyTypes[i] ?? ''}`), ...knownValueColumns(table)];
  connection.exec(`CREATE TABLE ${name} (${columns.join(', ')}, PRIMARY KEY (${keys.join(', ')})) WITHOUT ROWID`);
  const on = keys.map((key, i) => `r.${table.keySql[i] ?? ''} = s.${key}`).join(' AND ');
  connection.exec(
    `INSERT INTO ${name} SELECT ${[...keys.map((key) => `s.${key}`), ...valuesOf(table)].join(', ')} FROM ${table.shadowSql} s CROSS JOIN ${table.sql} r ON ${on}`,
  );
}

const valuesOf = (table: SyncedTable): string[] => ruledColumns(table).map(({ name }) => `r.${quoteName(name)}`);

/** Shadows leave these keys: gives back what was known of their rows, at the keys where they stand then. */
export function carryKnownValues(
  { connection }: ReplicaContext,
  table: SyncedTable,
  moves: readonly { readonly from: Key; readonly to: Key }[],
): () => void {
  const columns = knownValueColumns(table);
  if (columns.length === 0) return () => undefined;
  const where = shadowKeyColumns(table)
    .map((key) => `${key} = ?`)
    .join(' AND ');
  const name = knownValuesTable(table);
  const select = connection.cached(`SELECT ${columns.join(', ')} FROM ${name} WHERE ${where}`);
  const known = moves.map(({ from, to }) => ({ to, values: select.getExact(...from) }));
  return () => {
    const update = connection.cached(
      `UPDATE ${name} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ${where}`,
    );
    for (const { to, values } of known) if (values) update.run(...values, ...to);
  };
}

const triggerLetters = ['i', 'u', 'd'] as const;

function hasTriggers({ connection }: ReplicaContext, table: SyncedTable): boolean {
  const found = connection
    .cached(`SELECT count(*) FROM sqlite_temp_schema WHERE type = 'trigger' AND name IN (?, ?, ?)`)
    .get(...triggerLetters.map((letter) => `_usync_known_${letter}_${triggerName(table)}`));
  return Number(found?.[0]) === triggerLetters.length;
}

/** The columns are part of the name: with others there are other triggers. */
const triggerName = (table: SyncedTable): string =>
  `${table.number}_${ruledColumns(table)
    .map(({ position }) => position)
    .join('_')}`;

/**
 * They read tables of the application: SQLite renames no table while one of these is gone. They are back when the schema was
 * followed.
 */
export function dropKnownValueTriggers({ connection }: ReplicaContext): void {
  for (const [name] of connection
    .prepare(`SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE '_usync_known_%'`)
    .all())
    connection.exec(`DROP TRIGGER temp.${quoteName(String(name))}`);
}

function createTriggers({ connection }: ReplicaContext, table: SyncedTable): void {
  const present = connection
    .prepare(`SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE '_usync_known_%'`)
    .all()
    .map(([name]) => String(name));
  for (const name of present)
    if (name.slice('_usync_known_x_'.length).startsWith(`${table.number}_`))
      connection.exec(`DROP TRIGGER temp.${quoteName(name)}`);
  const keys = shadowKeyColumns(table);
  const own = `_usync_v${table.number}`;
  const isAt = (row: string): string => keys.map((key) => `${key} = ${row}.${key}`).join(' AND ');
  const forget = (row: string): string => `DELETE FROM ${own} WHERE ${isAt(row)};`;
  const rows = keys.map((key, i) => `r.${table.keySql[i] ?? ''} = NEW.${key}`).join(' AND ');
  const take = `INSERT INTO ${own} SELECT ${[...keys.map((key) => `NEW.${key}`), ...valuesOf(table)].join(', ')} FROM ${table.sql} r WHERE ${rows}`;
  const isSamePlace = `(${keys.map((key) => `OLD.${key} IS NEW.${key}`).join(' AND ')})`;
  const bodies = {
    i: ['AFTER INSERT', `${forget('NEW')} ${take};`],
    // A row that stands elsewhere now was not captured by that.
    u: [
      'AFTER UPDATE',
      `DELETE FROM ${own} WHERE ${isAt('NEW')} AND NOT ${isSamePlace};
       UPDATE ${own} SET ${keys.map((key) => `${key} = NEW.${key}`).join(', ')} WHERE ${isAt('OLD')} AND NOT ${isSamePlace};
       DELETE FROM ${own} WHERE ${isAt('NEW')} AND ${isSamePlace};
       ${take} AND ${isSamePlace};`,
    ],
    d: ['AFTER DELETE', forget('OLD')],
  } as const;
  for (const letter of triggerLetters) {
    const [event, body] = bodies[letter];
    connection.exec(
      `CREATE TEMP TRIGGER _usync_known_${letter}_${triggerName(table)} ${event} ON ${table.shadowSql} BEGIN ${body} END`,
    );
  }
}
