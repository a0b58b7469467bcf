import type { EntryVersion } from '../../../core/entry.js';
import type { HistoryRecord, HistoryRecords } from '../../entry-table.js';
import type { Connection, PlainRow } from '../connection/driver.js';

const columns = 'id, path, version, size, mode, mtime, file, reason, at';

/** What was kept for a conflict copy and then replaced is told of once. */
const isTold = `(reason <> 'kept' OR NOT EXISTS (
  SELECT 1 FROM history AS told WHERE told.path = history.path AND told.version = history.version AND told.reason <> 'kept'
))`;

/**
 * Its copy stands. What stands at its own path may be written into before that is noticed, and so may what was replaced
 * there: while there is no copy, this may be the only place of the content.
 */
const hasCopy = `EXISTS (SELECT 1 FROM disk WHERE disk.version = kept.version
  AND CASE folder WHEN '' THEN name ELSE folder || '/' || name END <> kept.path)`;

export function createHistoryRecords(connection: Connection): HistoryRecords {
  return {
    add({ path, version, size, mode, mtime, file, reason, atMs }) {
      connection
        .cached(
          'INSERT INTO history (path, version, size, mode, mtime, file, reason, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        )
        .run(path, version, BigInt(size), BigInt(mode), BigInt(mtime), file, reason, BigInt(Math.trunc(atMs)));
    },
    list: ({ path, max }) =>
      (path === undefined
        ? connection.cached(`SELECT ${columns} FROM history WHERE ${isTold} ORDER BY id DESC LIMIT ?`).all(BigInt(max))
        : connection
            .cached(`SELECT ${columns} FROM history WHERE path = ? AND ${isTold} ORDER BY id DESC LIMIT ?`)
            .all(path, BigInt(max))
      ).map(recordOf),
    count: () => Number(connection.cached('SELECT count(*) FROM history').get()?.[0] ?? 0),
    files: () =>
      new Set(
        connection
          .cached('SELECT file FROM history')
          .all()
          .map(([file]) => String(file)),
      ),
    byId(id) {
      const row = connection.cached(`SELECT ${columns} FROM history WHERE id = ?`).get(BigInt(id));
      return row === undefined ? null : recordOf(row);
    },
    holding: (version) =>
      connection.cached(`SELECT ${columns} FROM history WHERE version = ?`).all(version).map(recordOf),
    holdingAny: (versions) =>
      new Set(
        connection
          .cached('SELECT DISTINCT version FROM history WHERE version IN (SELECT value FROM json_each(?))')
          .all(JSON.stringify(versions))
          .map(([version]) => String(version) as EntryVersion),
      ),
    excess: ({ olderThanMs, versionsMax, bytesMax }) =>
      connection
        .cached(
          `SELECT ${columns} FROM (
           SELECT *, row_number() OVER (PARTITION BY path, reason = 'kept' ORDER BY id DESC) AS place,
             sum(size) OVER (ORDER BY id DESC) AS bytes
           FROM history
         ) AS kept WHERE (reason = 'kept' AND ${hasCopy}) OR (at < ? OR place > ? OR bytes > ?)
           AND NOT (version IN (SELECT version FROM entries) AND version NOT IN (SELECT version FROM disk))
         ORDER BY id`,
        )
        .all(BigInt(Math.trunc(olderThanMs)), BigInt(versionsMax), BigInt(bytesMax))
        .map(recordOf),
    remove: (id) => void connection.cached('DELETE FROM history WHERE id = ?').run(BigInt(id)),
  };
}

const recordOf = ([id, path, version, size, mode, mtime, file, reason, at]: PlainRow): HistoryRecord => ({
  id: Number(id),
  path: String(path),
  version: String(version) as EntryVersion,
  size: Number(size),
  mode: Number(mode),
  mtime: Number(mtime),
  file: String(file),
  reason: reason === 'deleted' ? 'deleted' : 'replaced',
  atMs: Number(at),
});
