import type { EntryVersion } from '../core/entry.js';
import { codeOf } from '../system/disk.js';
import { hashContent } from './content-hash.js';
import { lookOf, type DiskLook } from './disk-look.js';
import { nameOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder, namesInFolder, removeQuietly } from './state-folder.js';
import { readFlags } from './whole-file.js';

/**
 * At opening only: files of the history that have no record, since a crash came between the move and the record. One that
 * still has a name elsewhere goes; any other may be the only copy of what it holds, and gets its record now.
 */
export async function adoptStrayHistory(context: FolderContext): Promise<void> {
  const { table, root } = context;
  const known = table.history.files();
  for (const name of namesInFolder(root, historyFolder)) {
    if (known.has(name)) continue;
    try {
      const stray = await readStray(context, name);
      if (stray !== null) adopt(context, name, stray);
      else removeQuietly(root, `${historyFolder}/${name}`);
    } catch (error) {
      // What cannot be read is left where it is: a person may look for it.
      if (codeOf(error) === null) throw error;
    }
    await context.system.pause();
  }
}

interface Stray {
  readonly version: EntryVersion;
  readonly look: Extract<DiskLook, { kind: 'file' }>;
}

/** Null: nothing is lost with it. */
async function readStray({ root, system, hashAside }: FolderContext, name: string): Promise<Stray | null> {
  const { disk } = root;
  const stats = root.at(`${historyFolder}/${name}`, (place) => disk.look(place));
  if (stats?.isFile() !== true || stats.nlink > 1n) return null;
  const handle = root.at(`${historyFolder}/${name}`, (place) => disk.open(place, readFlags));
  try {
    const look = lookOf(disk.statsOf(handle));
    if (look.kind !== 'file') return null;
    const hashed = await hashContent({ disk, handle, size: look.size, hashAside, pause: () => system.pause() });
    return hashed === null ? null : { version: hashed.version, look };
  } finally {
    disk.close(handle);
  }
}

/** The name ends with the name of the file; where this version is recorded under it, that is where it was. */
function adopt({ table, system }: FolderContext, file: string, { version, look }: Stray): void {
  const name = file.replace(/^\d+-[0-9a-f]+-/, '');
  const path = table.disk.holding(version).find((each) => nameOf(each).startsWith(name)) ?? name;
  const reason = table.rows.at(path).length > 0 ? 'replaced' : 'deleted';
  const { size, mode, mtime } = look;
  table.history.add({ path, version, size, mode, mtime, file, reason, atMs: system.nowMs() });
}
