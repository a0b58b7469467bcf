import { codeOf } from '../system/disk.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { syncFolder } from './state-folder.js';

/** A folder and those on its way, durable. Name by name, so that no link on the way is followed. */
export function makeFolders(context: FolderContext, folder: string): void {
  if (folder === '') return;
  const parent = parentOf(folder);
  makeFolders(context, parent);
  const { root, dirty } = context;
  root.at(folder, (place) => {
    try {
      root.disk.makeFolder(place);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      return;
    }
    syncFolder(root, parent);
    dirty(parent, nameOf(folder));
  });
}
