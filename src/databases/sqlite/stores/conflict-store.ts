import { createHash } from 'node:crypto';
import type { LifeName } from '../../../core/life.js';
import type { OriginId } from '../../../core/origin.js';
import type { SqlValue } from '../../../core/value.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import { bytesAt, integerAt, textAt } from '../connection/row-values.js';
import { createLifeNames } from './life-names.js';
import type { MetaStore } from './meta-store.js';
import type { OriginStore } from './origin-store.js';
import { bytesToCells, bytesToKey, cellsToBytes, keyToBytes, type Cell } from './value-bytes.js';

/** What lost, with its exact values, so that a person can put it back. */
export interface Conflict {
  /** The same for the same conflict on every server. */
  readonly id: string;
  readonly table: string;
  readonly life: LifeName;
  /** Where the row stood when this was found; empty when nobody knew. */
  readonly key: readonly SqlValue[];
  /** Null: the whole row lost. */
  readonly column: string | null;
  readonly rule: string;
  /** Why the other side stands, when that is not a value: "the deletion". */
  readonly note: string;
  readonly kept: ReadonlyMap<string, Cell>;
  readonly lost: ReadonlyMap<string, Cell>;
  /** The other cells of a row that lost; null when they were not at hand, so that only its writer can put it back. */
  readonly rest: ReadonlyMap<string, Cell> | null;
  readonly lostOrigin: OriginId;
  readonly keptOrigin: OriginId | null;
  /** When the losing value was written. */
  readonly atMs: number;
  /** When this server found it. */
  readonly noticedMs: number;
}

/** Bounded by number and bytes: the oldest go, and how many went is known. */
export interface ConflictStore {
  /** Returns whether it is new: the same conflict seen twice is one. */
  add(conflict: Conflict): boolean;
  /** Newest first. */
  list(max: number): Conflict[];
  /** By an id or its beginning; more than one when that fits several. */
  find(idStart: string): Conflict[];
  count(): number;
  /** Those that this server found before this time. Returns how many. */
  forgetBefore(noticedMs: number): number;
  /** How many have been forgotten so far, by bounds or by a person. */
  forgotten(): number;
}

export interface ConflictBounds {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

const conflictBounds: ConflictBounds = { recordsMax: 100_000, bytesMax: 256 * 1024 * 1024 };
/** Bounds are looked at after so many new conflicts. */
const trimEvery = 256;

/** Short enough to be typed; what it is made of is the same on every server. */
export const conflictId = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

const columns = `id, tbl, origin, stamp, place, key, col, rule, note, kept, lost, rest, lost_origin, kept_origin, time, noticed`;

export function createConflictStore(
  connection: Connection,
  stores: { readonly origins: OriginStore; readonly meta: MetaStore; readonly bounds?: ConflictBounds },
): ConflictStore {
  const { origins, meta } = stores;
  const { nameParams, nameAt } = createLifeNames(origins);
  const insert = connection.prepare(
    `INSERT INTO _usync_conflicts (${columns}) VALUES (${Array(16).fill('?').join(', ')}) ON CONFLICT (id) DO NOTHING`,
  );
  const select = connection.prepare(`SELECT ${columns} FROM _usync_conflicts ORDER BY number DESC LIMIT ?`);
  const selectLike = connection.prepare(
    `SELECT ${columns} FROM _usync_conflicts WHERE id >= ? AND id < ? || 'g' ORDER BY number DESC LIMIT 20`,
  );
  const countAll = connection.prepare('SELECT count(*) FROM _usync_conflicts');
  const removeBefore = connection.prepare('DELETE FROM _usync_conflicts WHERE noticed < ?');

  function forget(removed: number): number {
    if (removed > 0) meta.set('conflicts-forgotten', (meta.number('conflicts-forgotten') ?? 0) + removed);
    return removed;
  }

  const conflictAt = (row: PlainRow): Conflict => ({
    id: textAt(row, 0),
    table: textAt(row, 1),
    life: nameAt(row, 2),
    key: bytesToKey(bytesAt(row, 5)),
    column: row[6] === null ? null : textAt(row, 6),
    rule: textAt(row, 7),
    note: textAt(row, 8),
    kept: bytesToCells(bytesAt(row, 9), origins),
    lost: bytesToCells(bytesAt(row, 10), origins),
    rest: row[11] === null ? null : bytesToCells(bytesAt(row, 11), origins),
    lostOrigin: textAt(row, 12) as OriginId,
    keptOrigin: row[13] === null ? null : (textAt(row, 13) as OriginId),
    atMs: integerAt(row, 14),
    noticedMs: integerAt(row, 15),
  });

  return {
    add(conflict) {
      const [stamp, origin, place] = nameParams(conflict.life);
      const result = insert.run(
        conflict.id,
        conflict.table,
        ...[origin, stamp, place],
        keyToBytes(conflict.key),
        conflict.column,
        conflict.rule,
        conflict.note,
        cellsToBytes(conflict.kept, origins),
        cellsToBytes(conflict.lost, origins),
        conflict.rest && cellsToBytes(conflict.rest, origins),
        conflict.lostOrigin,
        conflict.keptOrigin,
        BigInt(Math.trunc(conflict.atMs)),
        BigInt(Math.trunc(conflict.noticedMs)),
      );
      if (result.changes === 0) return false;
      if (result.lastRowid % BigInt(trimEvery) === 0n) forget(trim(connection, stores.bounds ?? conflictBounds));
      return true;
    },
    list: (max) => select.all(BigInt(max)).map(conflictAt),
    find: (idStart) => selectLike.all(idStart, idStart).map(conflictAt),
    count: () => integerAt(countAll.get() ?? [0n], 0),
    forgetBefore: (noticedMs) => forget(removeBefore.run(BigInt(Math.trunc(noticedMs))).changes),
    forgotten: () => meta.number('conflicts-forgotten') ?? 0,
  };
}

/** The newest that fit into the bounds stay. Reads lengths only, not values. */
function trim(connection: Connection, { recordsMax, bytesMax }: ConflictBounds): number {
  const last = connection
    .cached(
      `SELECT number FROM (
         SELECT number, row_number() OVER newest AS records,
           sum(length(kept) + length(lost) + coalesce(length(rest), 0) + 200) OVER newest AS bytes
         FROM _usync_conflicts WINDOW newest AS (ORDER BY number DESC))
       WHERE records > ? OR bytes > ? ORDER BY number DESC LIMIT 1`,
    )
    .get(BigInt(recordsMax), BigInt(bytesMax));
  if (!last) return 0;
  return connection.cached('DELETE FROM _usync_conflicts WHERE number <= ?').run(last[0] ?? null).changes;
}
