/**
 * Triggers of the application and rows that are merged.
 *
 * They fire: what they derive (a full-text index, a total in a table of this server alone) must be right here too. But
 * what they write into synced tables was captured at the origin and arrives by itself, so it must not happen twice. No
 * driver can switch single triggers off, and taking them away would take the derived writes along. So tables that triggers
 * write have a guard: a temporary trigger of this connection alone that lets no row through but those that the merge
 * itself writes. `RAISE(IGNORE)` skips that one row, and the application's trigger goes on with its next step.
 */
import { foldName, quoteName, quoteNames } from '../connection/identifiers.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import type { DatabaseSchema } from '../schema/discovered-table.js';
import { readCookie } from '../schema/schema-reader.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';

interface Guard {
  readonly schema: DatabaseSchema;
  /**
   * Tables that triggers write, by number. `once`: triggers stand on the table itself, so that after one row of ours the
   * guard is closed until the next.
   */
  readonly opening: ReadonlyMap<number, 'lasting' | 'once'>;
  /** The number of the table that is open now; 0: none. */
  open: number;
}

const guards = new WeakMap<ReplicaContext, Guard>();

/** Puts the guards in place, where the schema calls for any. Inside a merging transaction, before the first row. */
export function guardTables(context: ReplicaContext): void {
  const schema = context.tables.schema();
  const known = guards.get(context);
  const guard = known?.schema === schema ? known : { schema, opening: tablesToGuard(context), open: 0 };
  guards.set(context, guard);
  guard.open = 0;
  if (guard.opening.size === 0 && (!known || known.opening.size === 0)) return;
  if (!isInPlace(context, guard)) build(context, guard);
  if (guard.opening.size > 0) context.connection.cached('UPDATE temp._usync_direct SET tbl = 0').run();
}

/** Before each statement of ours that writes rows of an application's table. Of a table that is guarded once, one row. */
export function openFor(context: ReplicaContext, table: SyncedTable): void {
  const guard = guards.get(context);
  if (!guard || guard.opening.size === 0) return;
  const opening = guard.opening.get(table.number);
  const number = opening ? table.number : 0;
  if (guard.open === number && opening !== 'once') return;
  context.connection.cached('UPDATE temp._usync_direct SET tbl = ?').run(BigInt(number));
  guard.open = number;
}

/** Whether rows must be written one by one, each after its own `openFor`. */
export const isOneByOne = (context: ReplicaContext, table: SyncedTable): boolean =>
  guards.get(context)?.opening.get(table.number) === 'once';

/**
 * Deletes a row that is to go. A trigger of the application may say no to its users; a row that has ended elsewhere has
 * ended, so then it is deleted without the triggers of the table.
 */
export function deleteRow(context: ReplicaContext, table: SyncedTable, key: Key): void {
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const statement = context.connection.cached(`DELETE FROM ${table.sql} WHERE ${where}`);
  openFor(context, table);
  try {
    if (statement.run(...key).changes > 0) return;
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
  }
  const row = context.connection.cached(`SELECT 1 FROM ${table.sql} WHERE ${where}`).get(...key);
  if (!row) return;
  changeSchema(context, table, ({ name }) => `DROP TRIGGER IF EXISTS main.${quoteName(name)}`);
  openFor(context, table);
  statement.run(...key);
  changeSchema(context, table, ({ sql }) => sql);
}

/** Our own change of the schema is none that capture has to follow. */
function changeSchema(
  context: ReplicaContext,
  { form }: SyncedTable,
  sqlOf: (trigger: { readonly name: string; readonly sql: string }) => string,
): void {
  const isKnown = !hasSchemaMoved(context);
  for (const trigger of form.triggers) context.connection.exec(sqlOf(trigger));
  if (isKnown) context.meta.set('cookie', readCookie(context.connection));
}

function tablesToGuard({ connection, tables }: ReplicaContext): Map<number, 'lasting' | 'once'> {
  const opening = new Map<number, 'lasting' | 'once'>();
  const triggers = connection
    .prepare(`SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE '\\_usync\\_%' ESCAPE '\\'`)
    .all();
  for (const [sql] of triggers) {
    for (const name of namesAfterWriting(String(sql))) {
      const table = tables.byName(name);
      if (table) opening.set(table.number, table.form.triggers.length > 0 ? 'once' : 'lasting');
    }
  }
  return opening;
}

const text = /'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g;
const written =
  /\b(?:into|from|update(?:\s+or\s+\w+)?)\s*(?:"((?:[^"]|"")+)"|\[([^\]]+)\]|`([^`]+)`|([^\s(;"'`[\]]+))/gi;

/** Every table that the trigger writes, and some that it only reads: a guard too many costs little and harms nobody. */
function namesAfterWriting(sql: string): Set<string> {
  const names = new Set<string>();
  for (const [, quoted, bracketed, ticked, plain] of sql.replaceAll(text, ' ').matchAll(written))
    names.add(foldName(quoted?.replaceAll('""', '"') ?? bracketed ?? ticked ?? plain ?? ''));
  return names;
}

const guardPrefix = '_usync_guard';

/** Temporary triggers go with a transaction that fails, so the database itself is asked. */
function isInPlace({ connection }: ReplicaContext, { schema, opening }: Guard): boolean {
  const names = connection
    .cached(`SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE '${guardPrefix}%'`)
    .all();
  const suffix = `_${schema.cookie}`;
  return names.length === opening.size * 3 && names.every(([name]) => String(name).endsWith(suffix));
}

function build({ connection, tables }: ReplicaContext, { schema, opening }: Guard): void {
  for (const [name] of connection
    .prepare(`SELECT name FROM sqlite_temp_schema WHERE type = 'trigger' AND name LIKE '${guardPrefix}%'`)
    .all())
    connection.exec(`DROP TRIGGER IF EXISTS temp.${quoteName(String(name))}`);
  connection.exec('CREATE TEMP TABLE IF NOT EXISTS _usync_direct (tbl INTEGER)');
  connection.exec('INSERT INTO temp._usync_direct SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM temp._usync_direct)');
  for (const [number, kind] of opening) {
    const table = tables.byNumber(number);
    if (table) for (const sql of guardsOf(table, kind, schema.cookie)) connection.exec(sql);
  }
}

/** A nested update of columns that are left out here is derived, and let through. */
function guardsOf(table: SyncedTable, kind: 'lasting' | 'once', cookie: number): string[] {
  const isOther = `(SELECT tbl FROM temp._usync_direct) <> ${table.number}`;
  const close = kind === 'once' ? ' UPDATE _usync_direct SET tbl = 0;' : '';
  const body = `BEGIN SELECT RAISE(IGNORE) WHERE ${isOther};${close} END`;
  const events = { i: 'INSERT', u: `UPDATE OF ${quoteNames(table.layout)}`, d: 'DELETE' };
  return Object.entries(events).map(
    ([letter, event]) =>
      `CREATE TEMP TRIGGER ${guardPrefix}_${letter}${table.number}_${cookie} BEFORE ${event} ON ${table.sql} ${body}`,
  );
}
