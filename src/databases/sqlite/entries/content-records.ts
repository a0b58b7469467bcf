import { chunkRecordBytes } from '../../../core/chunking/chunk-list.js';
import type { EntryVersion } from '../../../core/entry.js';
import type { ContentRecords } from '../../entry-table.js';
import type { Connection } from '../connection/driver.js';
import { atomically } from './atomically.js';

/** Lists of chunks by version, and where a chunk is found. The beginning of a hash finds it; the list says the rest. */
export function createContentRecords(connection: Connection): ContentRecords {
  /** Lists that were read last: chunk after chunk is looked for in one list. */
  const read = new Map<EntryVersion, Uint8Array>();
  return {
    putList: (version, list) => atomically(connection, () => putList(connection, version, list)),
    list(version) {
      const known = read.get(version);
      if (known !== undefined) return known;
      const row = connection.cached('SELECT list FROM contents WHERE version = ?').get(version);
      if (!(row?.[0] instanceof Uint8Array)) return null;
      for (const oldest of read.keys()) if (read.size >= readMax) read.delete(oldest);
      if (row[0].length <= readBytesMax) read.set(version, row[0]);
      return row[0];
    },
    holdingChunk: (prefix) =>
      connection
        .cached(
          'SELECT contents.version, chunks.number FROM chunks JOIN contents ON contents.id = chunks.content WHERE prefix = ? LIMIT 8',
        )
        .all(prefix)
        .map(([version, number]) => ({ version: String(version) as EntryVersion, number: Number(number) })),
    prune() {
      const stale = connection
        .cached(
          `SELECT id FROM contents WHERE version NOT IN (SELECT version FROM disk) AND version NOT IN (SELECT version FROM history)
         AND version NOT IN (SELECT version FROM entries)`,
        )
        .all();
      for (const [id] of stale) {
        connection.cached('DELETE FROM chunks WHERE content = ?').run(id ?? null);
        connection.cached('DELETE FROM contents WHERE id = ?').run(id ?? null);
      }
      read.clear();
    },
  };
}

const readMax = 4;
const readBytesMax = 1024 * 1024;

function putList(connection: Connection, version: EntryVersion, list: Uint8Array): void {
  const { changes, lastRowid } = connection
    .cached('INSERT INTO contents (version, list) VALUES (?, ?) ON CONFLICT DO NOTHING')
    .run(version, list);
  if (changes === 0) return;
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  const insert = connection.cached('INSERT OR IGNORE INTO chunks (prefix, content, number) VALUES (?, ?, ?)');
  for (let number = 0; number * chunkRecordBytes < list.length; number++)
    insert.run(view.getBigInt64(number * chunkRecordBytes + 4), lastRowid, BigInt(number));
}
