import { rowBytesMax } from '../../../core/limits.js';
import { joinsTable, type SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { valueLiteral } from '../stores/value-literal.js';
import type { Comparison } from './comparison.js';
import { bytesOf, isLargeFile } from './row-bytes.js';

/** A row that holds more than a changeset may carry (`rowBytesMax`): it stays on this server until it is smaller. */
export interface TooLargeRow {
  /** Number of the table. */
  readonly table: number;
  /** The values of its key as SQL literals. */
  readonly key: readonly string[];
  readonly bytes: number;
}

/** More are left out as well, but not told of one by one. */
const toldMax = 100;

export const tooLargeRows = ({ meta }: Pick<ReplicaContext, 'meta'>): readonly TooLargeRow[] =>
  JSON.parse(meta.text('too-large') ?? '[]') as TooLargeRow[];

/**
 * Takes rows that are too large out of the batches, so that all others are captured. Each write of such a row is noted, so
 * it is captured as soon as it fits. Their values are never read: only how long they are.
 */
export function leaveOutTooLarge(comparisons: readonly Comparison[]): void {
  const [first] = comparisons;
  if (!first) return;
  const { context, sink } = first;
  const before = tooLargeRows(context);
  if (before.length === 0 && !isLargeFile(context)) return;
  const still = before.filter((row) => isStillTooLarge(context, row));
  const found = comparisons.flatMap(leaveOut);
  const isNew = ({ table, key }: TooLargeRow): boolean =>
    !still.some((other) => other.table === table && other.key.join() === key.join());
  const now = [...still, ...found.filter(isNew)].slice(0, toldMax);
  const text = now.length === 0 ? null : JSON.stringify(now);
  if (text !== context.meta.text('too-large')) sink.later(() => context.meta.set('too-large', text));
}

function leaveOut({ context, table, batch }: Comparison): TooLargeRow[] {
  const keys = table.keySql.map((_, i) => `b.k${i + 1}`);
  const rows = context.connection
    .cached(
      `SELECT ${bytesOf(table)} AS bytes, b.n, ${keys.join(', ')} FROM temp._usync_batch b
       CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
       WHERE b.n BETWEEN ? AND ? AND bytes > ${rowBytesMax}`,
    )
    .allExact(BigInt(batch.first), BigInt(batch.last));
  for (const [, n] of rows)
    if (typeof n === 'bigint') context.connection.cached('DELETE FROM temp._usync_batch WHERE n = ?').run(n);
  return rows.map(([bytes, , ...key]) => ({
    table: table.number,
    key: key.map((value) => valueLiteral(value, Infinity)),
    bytes: Number(bytes),
  }));
}

function isStillTooLarge({ connection, tables }: ReplicaContext, { table: number, key }: TooLargeRow): boolean {
  const table = tables.byNumber(number);
  if (!table || table.keySql.length !== key.length) return false;
  const where = table.keySql.map((column, i) => `r.${column} = ${key[i] ?? 'NULL'}`).join(' AND ');
  return (
    connection.prepare(`SELECT 1 FROM ${table.sql} r WHERE ${where} AND ${bytesOf(table)} > ${rowBytesMax}`).get() !==
    undefined
  );
}

/** Tables with such a row that others know as it was before: what they hold is not what is shown here. */
export function tablesWithOutgrownRows(context: ReplicaContext): SyncedTable[] {
  const rows = tooLargeRows(context);
  if (rows.length === 0) return [];
  const outgrown = rows.flatMap(({ table: number, key }) => {
    const table = context.tables.byNumber(number);
    if (!table || table.keySql.length !== key.length) return [];
    const where = key.map((literal, i) => `k${i + 1} = ${literal}`).join(' AND ');
    const shadow = context.connection.prepare(`SELECT 1 FROM ${table.shadowSql} WHERE ${where}`).get();
    return shadow ? [table] : [];
  });
  return [...new Set(outgrown)];
}
