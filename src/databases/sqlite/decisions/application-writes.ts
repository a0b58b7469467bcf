import { createHash } from 'node:crypto';
import { isSameValue, RawText, type SqlValue } from '../../../core/value.js';
import type { ApplicationWrite, JsonValue, WriteOutcome } from '../../replica.js';
import { quoteName } from '../connection/identifiers.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** Names of writes are remembered for so long, and so many of them. */
const rememberMs = 90 * 86_400_000;
const rememberMax = 200_000;

/**
 * Writes rows as an application would: constraints and triggers hold, capture notes it. One that does not fit is rejected
 * alone. Inside one write transaction. A row whose parent comes later in the same call waits for it.
 */
export function applyWrites(context: ReplicaContext, writes: readonly ApplicationWrite[]): WriteOutcome[] {
  forgetOld(context);
  const outcomes = new Map<number, WriteOutcome>();
  let waiting = writes.map((write, index) => ({ write, index }));
  for (;;) {
    const missing: typeof waiting = [];
    for (const each of waiting) {
      const outcome = applyOne(context, each.write);
      outcomes.set(each.index, outcome);
      if (outcome.status === 'rejected' && outcome.isParentMissing === true) missing.push(each);
    }
    if (missing.length === 0 || missing.length === waiting.length) break;
    waiting = missing;
  }
  return writes.map((_, index) => outcomes.get(index) ?? rejected('it was not looked at'));
}

const rejected = (reason: string): WriteOutcome => ({ status: 'rejected', key: null, reason });

function applyOne(context: ReplicaContext, write: ApplicationWrite): WriteOutcome {
  const table = context.tables.byName(write.table);
  if (!table) return rejected(`table "${write.table}" is not synced here`);
  const read = valuesOf(table, write);
  if (read.kind === 'refused') return rejected(read.reason);
  const { values } = read;
  const key = table.schema.key.map((column) => values.get(column));
  const keyText = key.map((value) => plainText(value ?? null)).join(',');
  if (isRepeated(context, write)) return { status: 'repeated', key: keyText, reason: 'it was applied before' };
  try {
    context.connection.exec('SAVEPOINT usync_write');
    const outcome = writeRow(context, { table, write, values });
    if (outcome.status !== 'rejected') remember(context, write);
    context.connection.exec('RELEASE usync_write');
    return { ...outcome, key: outcome.key ?? keyText };
  } catch (error) {
    context.connection.exec('ROLLBACK TO usync_write');
    context.connection.exec('RELEASE usync_write');
    if (!(error instanceof ConstraintFailure)) throw error;
    return {
      status: 'rejected',
      key: keyText,
      reason: error.message,
      isParentMissing: /FOREIGN KEY/i.test(error.message),
    };
  }
}

type Values = ReadonlyMap<string, SqlValue>;
type ReadValues =
  { readonly kind: 'read'; readonly values: Values } | { readonly kind: 'refused'; readonly reason: string };

/** By the table's own schema: unknown columns are refused, computed ones left to the database. */
function valuesOf(table: SyncedTable, { values, recordId }: ApplicationWrite): ReadValues {
  const read = new Map<string, SqlValue>();
  for (const [name, value] of Object.entries(values)) {
    const column = table.schema.columns.find((each) => each.name === name);
    if (!column) return { kind: 'refused', reason: `table "${table.name}" has no column "${name}"` };
    if (column.isGenerated) continue;
    const sql = sqlOf(value, column.declaredType);
    if (sql === undefined) return { kind: 'refused', reason: `the value of "${name}" has no form in a database` };
    read.set(name, sql);
  }
  const [keyColumn, second] = table.schema.key;
  if (recordId !== null && keyColumn !== undefined && second === undefined && !read.has(keyColumn)) {
    const declared = table.schema.columns.find(({ name }) => name === keyColumn)?.declaredType ?? '';
    read.set(keyColumn, sqlOf(recordId, declared) ?? recordId);
  }
  return { kind: 'read', values: read };
}

/** Undefined for what no column can hold. */
function sqlOf(value: JsonValue, declaredType: string): SqlValue | undefined {
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') return /int/i.test(declaredType) && /^-?\d{1,18}$/.test(value) ? BigInt(value) : value;
  const { base64 } = value;
  return typeof base64 === 'string' && Object.keys(value).length === 1
    ? new Uint8Array(Buffer.from(base64, 'base64'))
    : undefined;
}

interface Writing {
  readonly table: SyncedTable;
  readonly write: ApplicationWrite;
  readonly values: Values;
}

function writeRow(context: ReplicaContext, writing: Writing): WriteOutcome {
  const { table, write, values } = writing;
  const keyColumns = table.schema.key;
  const isKeyKnown = keyColumns.length > 0 && keyColumns.every((column) => (values.get(column) ?? null) !== null);
  if (write.operation === 'insert' && !isKeyKnown) return insertRow(context, writing);
  if (!isKeyKnown) return rejected(`the key of "${table.name}" is not given whole`);
  const standing = standingRow(context, writing);
  switch (write.operation) {
    case 'delete':
      return standing === undefined ? unchanged('no such row') : deleteRow(context, writing);
    case 'update':
      return standing === undefined ? rejected('no such row') : updateRow(context, writing, standing);
    case 'upsert':
      return standing === undefined ? insertRow(context, writing) : updateRow(context, writing, standing);
    case 'insert':
      if (standing === undefined) return insertRow(context, writing);
      return isAlike(writing, standing)
        ? unchanged('the row stands like this already')
        : rejected('a row with this key stands here with other values; send "update" or "upsert"');
  }
}

const unchanged = (reason: string): WriteOutcome => ({ status: 'unchanged', key: null, reason });
const applied: WriteOutcome = { status: 'applied', key: null, reason: null };

/** The given columns of the row as it stands. */
function standingRow({ connection }: ReplicaContext, { table, values }: Writing): readonly SqlValue[] | undefined {
  const columns = [...values.keys()].map(quoteName).join(', ');
  const { where, key } = keyOf(table, values);
  return connection.prepare(`SELECT ${columns} FROM ${table.sql} WHERE ${where}`).getExact(...key);
}

function keyOf(table: SyncedTable, values: Values): { readonly where: string; readonly key: readonly SqlValue[] } {
  return {
    where: table.keySql.map((column) => `${column} = ?`).join(' AND '),
    key: table.schema.key.map((column) => values.get(column) ?? null),
  };
}

function isAlike({ values }: Writing, standing: readonly SqlValue[]): boolean {
  return [...values.values()].every((value, at) => isAlikeValue(value, standing[at] ?? null));
}

/** A column's affinity may have made a real of an integer, or a number of a text. */
const isAlikeValue = (a: SqlValue, b: SqlValue): boolean =>
  isSameValue(a, b) || (isPlain(a) && isPlain(b) && plainText(a) === plainText(b));

function plainText(value: SqlValue): string {
  if (value === null) return '';
  if (value instanceof RawText) return Buffer.from(value.bytes).toString();
  return value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex')}'` : value.toString();
}

const isPlain = (value: SqlValue): boolean => ['bigint', 'number', 'string'].includes(typeof value);

function insertRow(context: ReplicaContext, { table, values }: Writing): WriteOutcome {
  if (values.size === 0) return rejected('no values are given');
  const names = [...values.keys()].map(quoteName).join(', ');
  const places = [...values.keys()].map(() => '?').join(', ');
  const { lastRowid } = context.connection
    .prepare(`INSERT OR ABORT INTO ${table.sql} (${names}) VALUES (${places})`)
    .run(...values.values());
  const [keyColumn] = table.schema.key;
  const isNumbered = table.isRowidKey && keyColumn !== undefined && (values.get(keyColumn) ?? null) === null;
  return isNumbered ? { ...applied, key: String(lastRowid) } : applied;
}

function updateRow(context: ReplicaContext, writing: Writing, standing: readonly SqlValue[]): WriteOutcome {
  const { table, values } = writing;
  if (isAlike(writing, standing)) return unchanged('the row stands like this already');
  const changed = [...values].filter(([column]) => !table.schema.key.includes(column));
  const { where, key } = keyOf(table, values);
  const sets = changed.map(([column]) => `${quoteName(column)} = ?`).join(', ');
  context.connection
    .prepare(`UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where}`)
    .run(...changed.map(([, value]) => value), ...key);
  return applied;
}

function deleteRow({ connection }: ReplicaContext, { table, values }: Writing): WriteOutcome {
  const { where, key } = keyOf(table, values);
  connection.prepare(`DELETE FROM ${table.sql} WHERE ${where}`).run(...key);
  return applied;
}

/** The same name with another content is another write: senders begin to count anew when their log was emptied. */
const hashOf = ({ table, operation, recordId, values }: ApplicationWrite): string =>
  createHash('sha256')
    .update(JSON.stringify([table, operation, recordId, values]))
    .digest('base64url');

const isRepeated = ({ connection }: ReplicaContext, write: ApplicationWrite): boolean =>
  write.name !== null &&
  connection.cached('SELECT hash FROM _usync_received WHERE name = ?').get(write.name)?.[0] === hashOf(write);

function remember({ connection, system }: ReplicaContext, write: ApplicationWrite): void {
  if (write.name === null) return;
  connection
    .cached('INSERT OR REPLACE INTO _usync_received (name, hash, time) VALUES (?, ?, ?)')
    .run(write.name, hashOf(write), BigInt(Math.trunc(system.nowMs())));
}

function forgetOld({ connection, system }: ReplicaContext): void {
  connection.cached('DELETE FROM _usync_received WHERE time < ?').run(BigInt(Math.trunc(system.nowMs() - rememberMs)));
  connection
    .cached(
      `DELETE FROM _usync_received WHERE time <
         (SELECT time FROM _usync_received ORDER BY time DESC LIMIT 1 OFFSET ${rememberMax})`,
    )
    .run();
}
