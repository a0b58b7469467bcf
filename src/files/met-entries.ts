import { decodeStateChunk } from '../core/state-codec.js';
import type { EntryRows } from '../databases/entry-table.js';
import { decompressBytes } from '../system/compression.js';

/** How the paths of a group's snapshot are to those here, by content alone: who found a file, and when, says nothing. */
export interface MetEntries {
  /** Both have the same content at the path. */
  readonly same: number;
  readonly differing: number;
  readonly onlyThere: number;
}

export const noneMet: MetEntries = { same: 0, differing: 0, onlyThere: 0 };

/** Compares one chunk of a snapshot with the entries here. Changes nothing. */
export function metEntries(rows: Pick<EntryRows, 'at'>, chunk: Uint8Array): MetEntries {
  const met = { ...noneMet };
  for (const [path, versions] of versionsByPath(chunk)) {
    const here = rows.at(path);
    if (here.length === 0) met.onlyThere += 1;
    else if (here.some(({ version }) => versions.has(version))) met.same += 1;
    else met.differing += 1;
  }
  return met;
}

export const addMet = (a: MetEntries, b: MetEntries): MetEntries => ({
  same: a.same + b.same,
  differing: a.differing + b.differing,
  onlyThere: a.onlyThere + b.onlyThere,
});

function versionsByPath(chunk: Uint8Array): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { table, keyColumns, keys } of decodeStateChunk(chunk, decompressBytes).blocks) {
    if (table !== entriesTable) continue;
    const [pathAt, versionAt] = [keyColumns.indexOf('path'), keyColumns.indexOf('version')];
    for (const key of keys) {
      const [path, version] = [key?.[pathAt], key?.[versionAt]];
      if (typeof path !== 'string' || typeof version !== 'string') continue;
      found.set(path, (found.get(path) ?? new Set<string>()).add(version));
    }
  }
  return found;
}

/** The one table of a folder dataset that is synced. */
export const entriesTable = 'entries';
