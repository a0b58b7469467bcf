import type { EntryVersion } from '../../../core/entry.js';
import type { ConflictLog } from '../../entry-table.js';
import type { Connection } from '../connection/driver.js';

/** Triggers on the entries write it; here it is read and shortened. */
export function createConflictLog(connection: Connection): ConflictLog {
  const number = (sql: string): number => Number(connection.cached(sql).get()?.[0] ?? 0);
  const forgotten = (): number => number("SELECT value FROM local WHERE name = 'conflicts-forgotten'");
  const forget = (where: string, bound: number): number => {
    const { changes } = connection
      .cached(`DELETE FROM conflicts WHERE settled IS NOT NULL AND ${where}`)
      .run(BigInt(Math.trunc(bound)));
    if (changes > 0)
      connection
        .cached("INSERT OR REPLACE INTO local (name, value) VALUES ('conflicts-forgotten', ?)")
        .run(String(forgotten() + changes));
    return changes;
  };
  return {
    list: (max) =>
      connection
        .cached(
          `SELECT path, version, copy_of, author, time, noticed, settled FROM conflicts
           ORDER BY settled IS NOT NULL, id DESC LIMIT ?`,
        )
        .all(BigInt(max))
        .map(([path, version, copyOf, author, time, noticed, settled]) => ({
          path: String(path),
          version: String(version) as EntryVersion,
          copyOf: String(copyOf),
          author: String(author),
          time: Number(time),
          noticedMs: Number(noticed),
          settledMs: settled === null || settled === undefined ? null : Number(settled),
        })),
    last: () => number('SELECT coalesce(max(id), 0) FROM conflicts'),
    countAfter: (last) =>
      Number(connection.cached('SELECT count(*) FROM conflicts WHERE id > ?').get(BigInt(last))?.[0] ?? 0),
    forgetBefore: (noticedMs) => forget('noticed < ?', noticedMs),
    forgetBeyond(max) {
      const excess = number('SELECT count(*) FROM conflicts WHERE settled IS NOT NULL') - max;
      if (excess > 0) forget('id IN (SELECT id FROM conflicts WHERE settled IS NOT NULL ORDER BY id LIMIT ?)', excess);
    },
    forgotten,
  };
}
