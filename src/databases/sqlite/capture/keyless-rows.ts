import { integerAt } from '../connection/row-values.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { NoteRange } from './note-store.js';

/**
 * SQLite allows NULL in a PRIMARY KEY that is neither INTEGER nor declared NOT NULL. Nothing names such a row, so it stays
 * where it was written; how many there are is told. Counted when somebody asks and something may have changed since.
 */
export function countKeyless(context: ReplicaContext, table: SyncedTable): number {
  if (!mayBeKeyless(table)) return 0;
  const counts = countsOf(context);
  const known = counts.get(table.number);
  const startMs = context.system.monotonicMs();
  if (known && (!known.isStale || startMs < known.nextMs)) return known.rows;
  const isNull = table.keySql.map((key) => `${key} IS NULL`).join(' OR ');
  const rows = integerAt(
    context.connection.cached(`SELECT count(*) FROM ${table.sql} WHERE ${isNull}`).get() ?? [0n],
    0,
  );
  const costMs = context.system.monotonicMs() - startMs;
  counts.set(table.number, { rows, isStale: false, nextMs: startMs + costMs * restPerCost });
  return rows;
}

/** Called for what is drained: a note with NULL in its key says that such a row came, went, or got a key. */
export function noticeKeyless(context: ReplicaContext, table: SyncedTable, range: NoteRange): void {
  const known = mayBeKeyless(table) ? countsOf(context).get(table.number) : undefined;
  if (!known || known.isStale) return;
  const isNull = table.keySql.map((_, i) => `k${i + 1} IS NULL`).join(' OR ');
  const noted = context.connection
    .cached(`SELECT 1 FROM main._usync_notes WHERE seq > ? AND seq <= ? AND tbl = ? AND (${isNull}) LIMIT 1`)
    .get(BigInt(range.after), BigInt(range.upTo), BigInt(table.number));
  if (noted) countsOf(context).set(table.number, { ...known, isStale: true });
}

/** The schema is another one: tables may have been rebuilt unseen. */
export const forgetKeyless = (context: ReplicaContext): void => countsOf(context).clear();

const mayBeKeyless = ({ form }: SyncedTable): boolean => form.key.some((column) => column.canBeNull);

/** Counting takes at most this part of the time, however large the table and however often it is asked. */
const restPerCost = 50;

interface Count {
  readonly rows: number;
  readonly isStale: boolean;
  readonly nextMs: number;
}

const countsByContext = new WeakMap<ReplicaContext, Map<number, Count>>();

function countsOf(context: ReplicaContext): Map<number, Count> {
  const known = countsByContext.get(context) ?? new Map<number, Count>();
  countsByContext.set(context, known);
  return known;
}
