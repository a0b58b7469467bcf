import { SyncError } from '../core/sync-error.js';
import type { FolderCalls } from '../databases/folder-calls.js';
import type { EngineGround } from './engine-parts.js';

/** Throws `USYNC-1103` for what is no folder. */
export function folderOf({ runners }: EngineGround, dataset: string): FolderCalls {
  const folder = runners.get(dataset)?.replica.folder;
  if (folder !== undefined) return folder;
  const names = [...runners.values()].filter(({ replica }) => replica.folder !== undefined).map(({ name }) => name);
  throw new SyncError('USYNC-1103', `${dataset} is no folder dataset here.`, {
    nextStep: names.length === 0 ? 'The configuration names no folder.' : `Folders are: ${names.join(', ')}.`,
  });
}
