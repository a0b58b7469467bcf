import { folderVersion, type EntryVersion } from '../core/entry.js';
import { lookAt } from './disk-look.js';
import type { FolderContext } from './folder-context.js';
import { namesInFolder, removeQuietly, temporaryFolder } from './state-folder.js';
import { readDiffering } from './scan-folder.js';
import { isContentWanted, sharedPath, shareTemporary } from './temporary-files.js';

/**
 * After a crash: what was placed and not recorded is recorded now. Without this the scan would take it for an edit of an
 * application, and a file that was deleted elsewhere meanwhile would come back.
 */
export async function recoverPlacing(context: FolderContext): Promise<void> {
  const { table, root, system } = context;
  for (const { path, version } of table.disk.intended()) {
    const record = table.disk.at(path);
    const found = await lookAndRead(context, path);
    if (found?.version === version && record?.version !== version) {
      const { size, mode, mtime, mark } = found;
      const modeAge = table.rows.at(path).find((row) => row.version === version)?.modeAge ?? 0;
      table.disk.put({ path, version, size, mode, mtime, mark, isKept: false, modeAge });
      table.rows.mark(path);
    }
    table.disk.forgetIntended([path]);
    await system.pause();
  }
  // A file that is half there goes on where it was, if it is still wanted.
  for (const name of namesInFolder(root, temporaryFolder)) {
    const path = `${temporaryFolder}/${name}`;
    if (!isWanted(context, sharedPath(name))) removeQuietly(root, path);
    else shareTemporary(root, path);
  }
}

async function lookAndRead(context: FolderContext, path: string) {
  try {
    const look = context.root.at(path, (place) => lookAt(context.root.disk, place));
    if (look.kind === 'folder' || look.kind === 'nothing') return look.kind === 'folder' ? folder : null;
    const found = await readDiffering(context, { path, record: context.table.disk.at(path), look });
    return found?.now ?? null;
  } catch {
    // Its folder is gone: nothing was placed.
    return null;
  }
}

const folder = { version: folderVersion, size: 0, mode: 0, mtime: 0, mark: '' };

function isWanted({ table }: FolderContext, name: string): boolean {
  const version = name.replace('-', ':') as EntryVersion;
  return version.startsWith('m:') && isContentWanted(table, version);
}
