import type { Entry, EntryVersion } from '../../../core/entry.js';
import type { EntryRows } from '../../entry-table.js';
import type { Connection, PlainRow } from '../connection/driver.js';

const columns = 'path, version, size, mode, mtime, base, author, time, copy_of, mode_age';

/** The synced table, and the paths at which it changed. */
export function createEntryRows(connection: Connection): EntryRows {
  const number = (sql: string): number => Number(connection.cached(sql).get()?.[0] ?? 0);
  return {
    at: (path) => connection.cached(`SELECT ${columns} FROM entries WHERE path = ?`).all(path).map(entryOf),
    in: (folder, max) => entriesIn(connection, folder, max),
    filesAfter: (path, max) => filesAfter(connection, path, max),
    pathsAfter: (path, max) => pathsAfter(connection, path, max),
    isPending: (path) => connection.cached('SELECT 1 FROM pending WHERE path = ?').get(path) !== undefined,
    // "0" is the character after "/", so the range is what stands below the path.
    isBelow: (path) =>
      connection.cached('SELECT 1 FROM entries WHERE path > ? AND path < ? LIMIT 1').get(`${path}/`, `${path}0`) !==
      undefined,
    holding: (version) =>
      connection
        .cached('SELECT path FROM entries WHERE version = ?')
        .all(version)
        .map(([path]) => String(path)),
    insert: (entry) => insert(connection, entry),
    end: (path, version) =>
      void connection.cached('DELETE FROM entries WHERE path = ? AND version = ?').run(path, version),
    setAttributes(path, version, { mode, mtime, modeAge }) {
      connection
        .cached(
          `UPDATE entries SET mode = ?3, mtime = ?4, mode_age = ?5
           WHERE path = ?1 AND version = ?2 AND (mode <> ?3 OR mtime <> ?4 OR mode_age <> ?5)`,
        )
        .run(path, version, BigInt(mode), BigInt(mtime), BigInt(modeAge));
    },
    copies: (max) =>
      connection
        .cached(`SELECT ${columns} FROM entries WHERE copy_of IS NOT NULL ORDER BY path LIMIT ?`)
        .all(BigInt(max))
        .map(entryOf),
    counts: () => ({
      entries: number('SELECT count(*) FROM entries'),
      bytes: number('SELECT total(size) FROM entries'),
    }),
    pending: (max, after = 0) =>
      connection
        .cached('SELECT path, sequence FROM pending WHERE sequence > ? ORDER BY sequence LIMIT ?')
        .all(BigInt(after), BigInt(max))
        .map(([path, sequence]) => ({ path: String(path), sequence: Number(sequence) })),
    lastPending: () => number('SELECT coalesce(max(sequence), 0) FROM pending'),
    pendingCount: () => number('SELECT count(*) FROM pending'),
    mark: (path) => void connection.cached('INSERT OR REPLACE INTO pending (path) VALUES (?)').run(path),
    markDiffering: () => void connection.cached(`INSERT OR IGNORE INTO pending (path) ${differing}`).run(),
    unplaced: () =>
      connection
        .cached(`${unplaced} EXCEPT SELECT path FROM pending`)
        .all()
        .map(([path]) => String(path)),
    // A path that is marked again has another sequence.
    settled: (pending) =>
      void connection
        .cached('DELETE FROM pending WHERE sequence IN (SELECT value FROM json_each(?))')
        .run(JSON.stringify(pending.map(({ sequence }) => sequence))),
    unmarked(work) {
      connection.cached('UPDATE writing SET is_unmarked = 1').run();
      const result = work();
      connection.cached('UPDATE writing SET is_unmarked = 0').run();
      return result;
    },
  };
}

/** The folder of a path ends where its last name begins: SQLite has no function for it, so the names are joined. */
const diskPath = "CASE folder WHEN '' THEN name ELSE folder || '/' || name END";

const unplaced = `SELECT path FROM entries WHERE path NOT IN (SELECT ${diskPath} FROM disk)`;

/** Folders that stand only for what is left out in them have no row. */
const differing = `
  SELECT path FROM (SELECT path, version FROM entries EXCEPT SELECT ${diskPath}, version FROM disk)
  UNION
  SELECT path FROM (
    SELECT ${diskPath} AS path, version FROM disk WHERE is_kept = 0 EXCEPT SELECT path, version FROM entries
  )`;

const pathsAfter = (connection: Connection, path: string, max: number): string[] =>
  connection
    .cached('SELECT DISTINCT path FROM entries WHERE path > ? ORDER BY path LIMIT ?')
    .all(path, BigInt(max))
    .map(([each]) => String(each));

const filesAfter = (connection: Connection, path: string, max: number): Entry[] =>
  connection
    .cached(
      `SELECT ${columns} FROM entries WHERE path > ? AND (version LIKE 'f:%' OR version LIKE 'm:%')
       ORDER BY path LIMIT ?`,
    )
    .all(path, BigInt(max))
    .map(entryOf);

/** Directly in a folder: what stands below it without a further "/". */
function entriesIn(connection: Connection, folder: string, max: number): Entry[] {
  const start = folder === '' ? '' : `${folder}/`;
  const end = folder === '' ? '\u{10ffff}' : `${folder}0`;
  return connection
    .cached(
      `SELECT ${columns} FROM entries
       WHERE path > ?1 AND path < ?2 AND instr(substr(path, length(?1) + 1), '/') = 0 ORDER BY path LIMIT ?3`,
    )
    .all(start, end, BigInt(max))
    .map(entryOf);
}

function insert(connection: Connection, entry: Entry): void {
  const { path, version, size, mode, mtime, base, author, time, copyOf, modeAge } = entry;
  connection
    .cached(`INSERT INTO entries (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
    .run(path, version, BigInt(size), BigInt(mode), BigInt(mtime), base, author, BigInt(time), copyOf, BigInt(modeAge));
}

/** Rows may come from a peer: what is no text or number is read as one all the same, and checked where it is used. */
function entryOf([path, version, size, mode, mtime, base, author, time, copyOf, modeAge]: PlainRow): Entry {
  return {
    path: String(path),
    version: String(version) as EntryVersion,
    size: Number(size),
    mode: Number(mode),
    mtime: Number(mtime),
    base: base === null ? null : (String(base) as EntryVersion),
    author: String(author),
    time: Number(time),
    copyOf: copyOf === null ? null : String(copyOf),
    modeAge: Number(modeAge),
  };
}
