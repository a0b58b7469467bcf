import { addHash, emptyDigest, isSameDigest, type TableDigest } from '../../../core/digest.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { AsideLife } from './aside-store.js';
import type { ReplicaContext } from './replica-context.js';

/** A refused row counts in the digest, which is of the merged view; its note says with which hash. */
export const refusedNote = (message: string, hash: number): string => `${message} [${hash}]`;

/** With which hash a life that is kept aside counts in the digest; null: it does not. */
export function hashOfAside({ why, note }: Pick<AsideLife, 'why' | 'note'>): number | null {
  const found = why === 'refused' ? /\[(\d+)\]$/.exec(note ?? '') : null;
  return found ? Number(found[1]) : null;
}

const half = 2 ** 24;

/** What the hashes that are remembered of the rows add up to. */
export function rememberedDigest({ connection }: ReplicaContext, table: SyncedTable): TableDigest {
  // The sum of 48-bit hashes would not fit an integer of SQLite, so their halves are added.
  const sql = `SELECT count(*), coalesce(sum(h >> 24), 0), coalesce(sum(h & ${half - 1}), 0) FROM ${table.shadowSql}`;
  const [rows = 0n, upper = 0n, lower = 0n] = connection.cached(sql).get() ?? [];
  const sum = BigInt.asUintN(48, BigInt(String(upper)) * BigInt(half) + BigInt(String(lower)));
  return { rows: Number(rows), sum: Number(sum) };
}

/** The digest as what is remembered adds up to, row by row; the kept one is brought up to date by changes. */
export const recountedDigest = (context: ReplicaContext, table: SyncedTable): TableDigest =>
  joinedDigest(rememberedDigest(context, table), refusedDigest(context.asides, table.name));

/** What rows that the schema here refuses add to the digest of their table. */
export function refusedDigest(asides: Pick<ReplicaContext['asides'], 'all' | 'isEmpty'>, table: string): TableDigest {
  let digest = emptyDigest;
  if (asides.isEmpty(table)) return digest;
  for (const aside of asides.all(table)) {
    const hash = hashOfAside(aside);
    if (hash !== null) digest = joinedDigest(digest, { rows: 1, sum: hash });
  }
  return digest;
}

export const joinedDigest = (a: TableDigest, b: TableDigest): TableDigest => ({
  rows: a.rows + b.rows,
  sum: addHash(a.sum, b.sum),
});

export const isDigestRight = (context: ReplicaContext, table: SyncedTable): boolean =>
  isSameDigest(recountedDigest(context, table), context.tables.digest(table));
