import type { ChangesetPart } from '../../../core/changeset.js';
import type { Connection } from '../connection/driver.js';
import { addHash, subtractHash } from '../../../core/digest.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { NewShadows } from '../stores/new-shadows.js';
import type { Key, KeyedShadow, Shadow } from '../stores/shadow-store.js';
import type { TableDigests } from '../stores/table-digests.js';
import { createShadowTable, shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/**
 * Where a comparison writes what it found: at once, inside the write transaction; or, for large drains, into the
 * temporary database while only a read transaction is open, to be copied in one stroke later.
 */
export interface DrainSink {
  readonly isStaged: boolean;
  /** The table with the shadows that are new: to be joined for references. The same table when not staged. */
  staged(table: SyncedTable): SyncedTable;
  putNew(table: SyncedTable, rows: NewShadows): void;
  put(table: SyncedTable, key: Key, shadow: Shadow): void;
  putAll(table: SyncedTable, rows: readonly KeyedShadow[]): void;
  remove(table: SyncedTable, key: Key): void;
  putPart(part: ChangesetPart): void;
  /** What the tables' digests gain and lose by it. */
  readonly digests: DigestChanges;
  /** Runs inside the write transaction: now, or later. */
  later(work: () => void): void;
}

export type DigestChanges = Pick<TableDigests, 'addRows' | 'removeRow' | 'replaceRow'>;

export const createDirectSink = ({ shadows, journal, tables }: ReplicaContext): DrainSink => ({
  isStaged: false,
  staged: (table) => table,
  putNew: (table, rows) => shadows.putMany(table, rows),
  put: (table, key, shadow) => shadows.put(table, key, shadow),
  putAll: (table, rows) => shadows.putAll(table, rows),
  remove: (table, key) => shadows.remove(table, key),
  putPart: (part) => journal.putPart(part),
  digests: tables,
  later: (work) => work(),
});

export interface StagedSink extends DrainSink {
  /** Copies everything into the database. Inside the write transaction. */
  write(): void;
  /** Empties the temporary tables, after success and failure. */
  clear(): void;
}

export function createStagedSink({ connection, shadows, origins, tables }: ReplicaContext): StagedSink {
  const stagedByNumber = new Map<number, SyncedTable>();
  const goneTables = new Map<number, SyncedTable>();
  const delayed: (() => void)[] = [];
  const tally = createTally();
  connection.exec(`CREATE TEMP TABLE IF NOT EXISTS _usync_staged_parts
    (origin INTEGER, stamp INTEGER, part INTEGER, last INTEGER, bytes BLOB)`);
  const stage = (table: SyncedTable): SyncedTable => {
    const known = stagedByNumber.get(table.number);
    if (known) return known;
    const staged = { ...table, shadowSql: `temp._usync_t${table.number}` };
    connection.exec(`DROP TABLE IF EXISTS ${staged.shadowSql}`);
    for (const sql of createShadowTable(staged, 'temp')) connection.exec(sql);
    stagedByNumber.set(table.number, staged);
    return staged;
  };
  const gone = (table: SyncedTable): string => `temp._usync_gone${table.number}`;
  return {
    isStaged: true,
    staged: stage,
    putNew: (table, rows) => shadows.putMany(stage(table), rows),
    put: (table, key, shadow) => shadows.put(stage(table), key, shadow),
    putAll: (table, rows) => shadows.putAll(stage(table), rows),
    remove(table, key) {
      const keys = shadowKeyColumns(table);
      if (!goneTables.has(table.number)) {
        connection.exec(`DROP TABLE IF EXISTS ${gone(table)}`);
        connection.exec(`CREATE TEMP TABLE _usync_gone${table.number} (${keys.join(', ')})`);
        goneTables.set(table.number, table);
      }
      connection.cached(`INSERT INTO ${gone(table)} VALUES (${keys.map(() => '?').join(', ')})`).run(...key);
    },
    putPart({ origin, stamp, part, isLast, bytes }) {
      connection
        .cached('INSERT INTO temp._usync_staged_parts VALUES (?, ?, ?, ?, ?)')
        .run(BigInt(origins.numberOf(origin)), BigInt(stamp), BigInt(part), isLast ? 1n : 0n, bytes);
    },
    digests: tally.digests,
    later(work) {
      delayed.push(work);
    },
    write() {
      for (const table of goneTables.values()) removeGone(connection, table, gone(table));
      for (const [number, { shadowSql }] of stagedByNumber) {
        connection.exec(`INSERT OR REPLACE INTO main._usync_s${number} SELECT * FROM ${shadowSql}`);
      }
      connection.exec(`INSERT INTO main._usync_parts (origin, stamp, part, last, bytes)
        SELECT origin, stamp, part, last, bytes FROM temp._usync_staged_parts`);
      tally.addTo(tables);
      for (const work of delayed) work();
    },
    clear() {
      for (const { shadowSql } of stagedByNumber.values()) connection.exec(`DROP TABLE IF EXISTS ${shadowSql}`);
      for (const table of goneTables.values()) connection.exec(`DROP TABLE IF EXISTS ${gone(table)}`);
      connection.exec('DROP TABLE IF EXISTS temp._usync_staged_parts');
    },
  };
}

/** Counts apart: between reading and writing the digests in memory are those of the file, and may be read from it again. */
function createTally(): { readonly digests: DigestChanges; addTo(digests: DigestChanges): void } {
  const counted = new Map<SyncedTable, { rows: number; sum: number }>();
  const of = (table: SyncedTable): { rows: number; sum: number } => {
    const known = counted.get(table) ?? { rows: 0, sum: 0 };
    counted.set(table, known);
    return known;
  };
  const digests: DigestChanges = {
    addRows(table, { rows, sum }) {
      const all = of(table);
      all.rows += rows;
      all.sum = addHash(all.sum, sum);
    },
    removeRow: (table, hash) => digests.addRows(table, { rows: -1, sum: subtractHash(0, hash) }),
    replaceRow: (table, { before, after }) =>
      digests.addRows(table, { rows: 0, sum: addHash(subtractHash(0, before), after) }),
  };
  return {
    digests,
    addTo(target) {
      for (const [table, all] of counted) target.addRows(table, all);
    },
  };
}

function removeGone(connection: Connection, table: SyncedTable, gone: string): void {
  const keys = shadowKeyColumns(table).join(', ');
  const [left, right] = table.keySql.length === 1 ? [keys, keys] : [`(${keys})`, keys];
  connection.exec(`DELETE FROM ${table.shadowSql} WHERE ${left} IN (SELECT ${right} FROM ${gone})`);
}
