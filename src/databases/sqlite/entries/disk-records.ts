import { folderVersion, type EntryVersion } from '../../../core/entry.js';
import type { DiskRecord, DiskRecords } from '../../entry-table.js';
import type { Connection, PlainRow } from '../connection/driver.js';

const columns = 'folder, name, version, size, mode, mtime, mark, is_kept, mode_age';

export function createDiskRecords(connection: Connection): DiskRecords {
  return {
    at(path) {
      const row = connection.cached(`SELECT ${columns} FROM disk WHERE folder = ? AND name = ?`).get(...split(path));
      return row === undefined ? null : recordOf(row);
    },
    in: (folder) => connection.cached(`SELECT ${columns} FROM disk WHERE folder = ?`).all(folder).map(recordOf),
    foldersGone: () => foldersGone(connection),
    put({ path, version, size, mode, mtime, mark, isKept, modeAge }) {
      connection
        .cached(`INSERT OR REPLACE INTO disk (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
        .run(
          ...split(path),
          version,
          BigInt(size),
          BigInt(mode),
          BigInt(mtime),
          mark,
          isKept ? 1n : 0n,
          BigInt(modeAge),
        );
    },
    remove: (path) => void connection.cached('DELETE FROM disk WHERE folder = ? AND name = ?').run(...split(path)),
    moveFolder(from, to) {
      const inside = connection.cached('UPDATE disk SET folder = ?2 || substr(folder, ?3) WHERE folder = ?1');
      const below = connection.cached(
        "UPDATE disk SET folder = ?2 || substr(folder, ?3) WHERE folder > ?1 || '/' AND folder < ?1 || '0'",
      );
      for (const statement of [inside, below]) statement.run(from, to, BigInt(Array.from(from).length + 1));
      connection
        .cached('UPDATE disk SET folder = ?, name = ? WHERE folder = ? AND name = ?')
        .run(...split(to), ...split(from));
    },
    holding: (version) =>
      connection
        .cached('SELECT folder, name FROM disk WHERE version = ?')
        .all(version)
        .map(([folder, name]) => join(String(folder), String(name))),
    holdingAny(versions) {
      const found = new Map<EntryVersion, string[]>();
      const rows = connection
        .cached('SELECT version, folder, name FROM disk WHERE version IN (SELECT value FROM json_each(?))')
        .all(JSON.stringify(versions));
      for (const [version, folder, name] of rows) {
        const paths = found.get(String(version) as EntryVersion);
        const path = join(String(folder), String(name));
        if (paths === undefined) found.set(String(version) as EntryVersion, [path]);
        else paths.push(path);
      }
      return found;
    },
    count: () => Number(connection.cached('SELECT count(*) FROM disk').get()?.[0] ?? 0),
    intend: (placing) =>
      void connection
        .cached(
          `INSERT OR REPLACE INTO intended (path, version)
           SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)`,
        )
        .run(JSON.stringify(placing.map(({ path, version }) => [path, version]))),
    intended: () =>
      connection
        .cached('SELECT path, version FROM intended')
        .all()
        .map(([path, version]) => ({ path: String(path), version: String(version) as EntryVersion })),
    forgetIntended: (paths) =>
      void connection
        .cached('DELETE FROM intended WHERE path IN (SELECT value FROM json_each(?))')
        .run(JSON.stringify(paths)),
  };
}

/** The folder of a path ends where its last name begins: SQLite has no function for it, so the names are joined. */
const foldersGone = (connection: Connection): string[] =>
  connection
    .cached(
      `SELECT DISTINCT folder FROM disk WHERE folder <> '' AND folder NOT IN
       (SELECT CASE folder WHEN '' THEN name ELSE folder || '/' || name END FROM disk WHERE version = ?)`,
    )
    .all(folderVersion)
    .map(([folder]) => String(folder));

function split(path: string): [string, string] {
  const at = path.lastIndexOf('/');
  return at < 0 ? ['', path] : [path.slice(0, at), path.slice(at + 1)];
}

const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

const recordOf = ([folder, name, version, size, mode, mtime, mark, isKept, modeAge]: PlainRow): DiskRecord => ({
  path: join(String(folder), String(name)),
  version: String(version) as EntryVersion,
  size: Number(size),
  mode: Number(mode),
  mtime: Number(mtime),
  mark: String(mark),
  isKept: isKept === 1n,
  modeAge: Number(modeAge),
});
