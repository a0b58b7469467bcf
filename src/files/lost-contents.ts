/** Versions that exist as entries only: what their writer had was lost with its power before anybody fetched it. */
import type { ContentPeers } from '../core/content-request.js';
import { kindOfVersion, type Entry } from '../core/entry.js';
import { isHeld } from './content-reader.js';
import type { FolderContext } from './folder-context.js';

export interface LostContents {
  /**
   * The content of an entry could not be had. When that has been so for a while and every server that carries the dataset
   * says that it has not got it either, the entry ends: nobody could ever place it. Never rejects.
   */
  missed(entry: Entry): Promise<void>;
}

/** Its writer knows best. Others end it where that server does not do it, or is no more. */
const graceMs = 30_000;
const graceOfOthersMs = 120_000;

export function createLostContents(context: FolderContext, peers: ContentPeers): LostContents {
  const missedAtMs = new Map<string, number>();
  return {
    async missed(entry) {
      const { version, path, size, author } = entry;
      if (kindOfVersion(version) !== 'file') return;
      const key = `${version} ${path}`;
      const nowMs = context.system.monotonicMs();
      const sinceMs = missedAtMs.get(key);
      if (sinceMs === undefined) {
        if (missedAtMs.size >= missedMax) missedAtMs.clear();
        missedAtMs.set(key, nowMs);
      }
      if (nowMs - (sinceMs ?? nowMs) < (author === context.author ? graceMs : graceOfOthersMs)) return;
      missedAtMs.delete(key);
      const part = version.startsWith('m:') ? 'list' : 'content';
      if (size === 0 || isHeld(context, version)) return;
      try {
        if (await peers.isNowhere({ version, part, offset: 0, length: 1 })) withdraw(context, entry);
      } catch {
        // Who cannot be asked may have it: it is asked again later.
      }
    },
  };
}

const missedMax = 10_000;

/** What stands here, if anything, is then the newest that there is. */
function withdraw({ table, author, system }: FolderContext, { path, version }: Entry): void {
  table.atomically(() => {
    if (!table.rows.at(path).some((row) => row.version === version)) return;
    table.rows.end(path, version);
    const record = table.disk.at(path);
    if (record === null || record.isKept || table.rows.at(path).length > 0) return;
    const { size, mode, modeAge, mtime } = record;
    const time = Math.trunc(system.nowMs());
    table.rows.insert({
      path,
      version: record.version,
      size,
      mode,
      modeAge,
      mtime,
      base: null,
      author,
      time,
      copyOf: null,
    });
  });
}
