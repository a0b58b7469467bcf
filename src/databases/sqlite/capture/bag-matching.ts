import type { Connection } from '../connection/driver.js';
import { quoteName } from '../connection/identifiers.js';
import { bytesAt } from '../connection/row-values.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { noteKind } from './note-kind.js';
import type { NoteRange } from './note-store.js';
import { recountedDigest } from '../stores/recounted-digest.js';
import { createRowComparison } from './row-comparison.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import type { SyncedTable } from '../schema/synced-table.js';

const pageRows = 2000;

/** More rows than these that were written and got another rowid unseen are not looked at one by one. */
const closeRowsMax = 10_000;

/**
 * Rows of a bag are known by their rowid, and VACUUM gives rows new ones. Finds each shadow's row again by its content,
 * and where that was written too, by values that no other row has; what stays without a partner is for the comparison to
 * tell. Costs a reading of the table; writes only what moved.
 */
export async function matchBag(context: ReplicaContext, table: SyncedTable): Promise<void> {
  await whenFree(context.system, () => inTransaction(context, () => moveShadows(context, table)));
}

function moveShadows(context: ReplicaContext, table: SyncedTable): void {
  const { connection } = context;
  const { strangers, rehashed } = matchInPlace(connection, table);
  const lost = connection
    .prepare(`SELECT k1, c, h FROM ${table.shadowSql} WHERE k1 NOT IN (SELECT k1 FROM temp._usync_matched) ORDER BY k1`)
    .all();
  const moves: Move[] = [];
  const changed: bigint[] = [];
  for (const [from, columns, rememberedHash] of lost) {
    if (typeof from !== 'bigint') continue;
    const found = strangers.get(contentText(table, bytesAt([columns ?? null], 0)))?.shift();
    if (found) moves.push({ from, to: found.at });
    else changed.push(from);
    if (found && rememberedHash !== BigInt(found.hash)) rehashed.push(found);
  }
  const free = [...strangers.values()].flatMap((rows) => rows.map(({ at }) => at));
  moves.push(...closestRows(connection, table, { changed, strangers: free }));
  moveAll(connection, table, moves);
  if (rehashed.length === 0) return;
  const rehash = connection.prepare(`UPDATE ${table.shadowSql} SET h = ? WHERE k1 = ?`);
  for (const { at, hash } of rehashed) rehash.run(BigInt(hash), at);
  context.tables.setDigest(table, recountedDigest(context, table));
}

interface HashedRow {
  readonly at: bigint;
  readonly hash: number;
}

interface MatchedInPlace {
  /** Rows that are not what a shadow remembers at their rowid, by what they hold. */
  readonly strangers: Map<string, HashedRow[]>;
  /** Rows whose shadow has the hash of another row. */
  readonly rehashed: HashedRow[];
}

/** Rows that stand where they stood are put into `temp._usync_matched`. */
function matchInPlace(connection: Connection, table: SyncedTable): MatchedInPlace {
  const [rowid = 'rowid'] = table.keySql;
  const values = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const page = connection.prepare(
    `SELECT r.${rowid}, s.c, s.h, ${values} FROM ${table.sql} r LEFT JOIN ${table.shadowSql} s ON s.k1 = r.${rowid}
     WHERE r.${rowid} > ? ORDER BY r.${rowid} LIMIT ${pageRows}`,
  );
  const hashing = createRowComparison(table);
  const found: MatchedInPlace = { strangers: new Map(), rehashed: [] };
  connection.exec('CREATE TEMP TABLE IF NOT EXISTS _usync_matched (k1 INTEGER PRIMARY KEY)');
  connection.exec('DELETE FROM temp._usync_matched');
  const match = connection.prepare('INSERT INTO temp._usync_matched VALUES (?)');
  let position = -(2n ** 63n);
  for (;;) {
    const rows = page.allExact(position);
    for (const [at, remembered, rememberedHash, ...content] of rows) {
      if (typeof at !== 'bigint') continue;
      position = at;
      const hash = hashing.hash(content);
      const text = contentText(table, hashing.bytes());
      if (!(remembered instanceof Uint8Array) || contentText(table, remembered) !== text) {
        found.strangers.set(text, [...(found.strangers.get(text) ?? []), { at, hash }]);
        continue;
      }
      match.run(at);
      if (rememberedHash !== BigInt(hash)) found.rehashed.push({ at, hash });
    }
    if (rows.length < pageRows) return found;
  }
}

/**
 * What a row holds, by the hashes of its columns. The hash of the whole row does not tell: after a change of columns a shadow has that
 * of what stands at its place, which may be another row by now. Missing hashes at the end are those of NULL.
 */
function contentText({ layout }: SyncedTable, columns: Uint8Array): string {
  return Buffer.from(columns.buffer, columns.byteOffset, columns.length)
    .toString('latin1')
    .padEnd(layout.length * 4, '\0');
}

interface Move {
  readonly from: bigint;
  readonly to: bigint;
}

interface Unmatched {
  /** Rowids of shadows whose row was written. */
  readonly changed: readonly bigint[];
  /** Rowids of rows that no shadow knows as they are. */
  readonly strangers: readonly bigint[];
}

/** For each shadow the row that has most of its values which no other row has; its own rowid, where others are no closer. */
function closestRows(connection: Connection, table: SyncedTable, { changed, strangers }: Unmatched): Move[] {
  if (changed.length === 0 || strangers.length === 0) return [];
  if (changed.length > closeRowsMax || strangers.length > closeRowsMax) return [];
  const shadow = connection.prepare(`SELECT c FROM ${table.shadowSql} WHERE k1 = ?`);
  const lost = changed.map((from) => ({ from, values: valuesOf(bytesAt(shadow.get(from) ?? [], 0)) }));
  const rowByValue = rowsWith(connection, table, new Set(lost.flatMap(({ values }) => values)));
  const free = new Set(strangers);
  return lost.flatMap(({ from, values }) => {
    const counts = new Map<bigint, number>();
    for (const value of values) {
      const at = rowByValue.get(value) ?? null;
      if (at !== null && free.has(at)) counts.set(at, (counts.get(at) ?? 0) + (at === from ? 1.5 : 1));
    }
    const [closest] = [...counts].toSorted(([, a], [, b]) => b - a);
    if (!closest) return [];
    const [to] = closest;
    free.delete(to);
    return to === from ? [] : [{ from, to }];
  });
}

/** The hashes of a row's columns, each with its place. */
function valuesOf(columns: Uint8Array): string[] {
  const hashes = new DataView(columns.buffer, columns.byteOffset, columns.length);
  return Array.from({ length: columns.length >> 2 }, (_, position) => hashes.getUint32(position * 4, true)).flatMap(
    (hash, position) => (hash === 0 ? [] : [`${position} ${hash}`]),
  );
}

/** Where each of the values stands; null where several rows have it. */
function rowsWith(connection: Connection, table: SyncedTable, values: ReadonlySet<string>): Map<string, bigint | null> {
  const [rowid = 'rowid'] = table.keySql;
  const page = connection.prepare(
    `SELECT ${rowid}, ${table.layout.map(quoteName).join(', ')} FROM ${table.sql}
     WHERE ${rowid} > ? ORDER BY ${rowid} LIMIT ${pageRows}`,
  );
  const hashing = createRowComparison(table);
  const found = new Map<string, bigint | null>();
  let position = -(2n ** 63n);
  for (;;) {
    const rows = page.allExact(position);
    for (const [at, ...content] of rows) {
      if (typeof at !== 'bigint') continue;
      position = at;
      hashing.hash(content);
      for (const value of valuesOf(hashing.bytes()))
        if (values.has(value)) found.set(value, found.has(value) ? null : at);
    }
    if (rows.length < pageRows) return found;
  }
}

/**
 * A row that was deleted leaves its rowid to the next: its shadow makes room at once, for the notes that tell of it are
 * forgotten before the table is compared. Where a row of that content stands all the same, it is found again by that.
 */
export function makeRoomForOthers({ connection }: ReplicaContext, table: SyncedTable, range: NoteRange): void {
  const deleted = connection
    .cached(
      `SELECT k1 FROM ${table.shadowSql} WHERE k1 IN (SELECT k1 FROM main._usync_notes
         WHERE seq > ? AND seq <= ? AND tbl = ? AND op = ${noteKind.delete})`,
    )
    .all(BigInt(range.after), BigInt(range.upTo), BigInt(table.number));
  let free = freePlace(connection, table);
  for (const [from] of deleted)
    connection.cached(`UPDATE ${table.shadowSql} SET k1 = ?2 WHERE k1 = ?1`).run(from ?? null, free--);
}

/** A number that no row of a bag has, and none below it. */
function freePlace(connection: Connection, { shadowSql }: SyncedTable): bigint {
  const lowest = connection.prepare(`SELECT min(k1) FROM ${shadowSql}`).get()?.[0];
  return (typeof lowest === 'bigint' && lowest < 0n ? lowest : 0n) - 1n;
}

function moveAll(connection: Connection, table: SyncedTable, moves: readonly Move[]): void {
  // Through numbers that no row has, for the places may be taken by each other.
  let free = freePlace(connection, table);
  const move = connection.prepare(`UPDATE ${table.shadowSql} SET k1 = ?2 WHERE k1 = ?1`);
  const parked = moves.map(({ from, to }) => {
    const at = free--;
    move.run(from, at);
    return { at, to };
  });
  // A place that another lost shadow still holds: it is parked as well, to be ended where nothing stands.
  for (const { at, to } of parked) {
    if (move.run(to, free).changes > 0) free--;
    move.run(at, to);
  }
}
