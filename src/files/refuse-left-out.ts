import { SyncError } from '../core/sync-error.js';
import { pathObstacle } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { reasonToLeaveOut } from './left-out.js';
import { standingTwin } from './name-twins.js';

/** For what a person or a program asks to be written: throws `USYNC-1907` where it would stand on this server alone. */
export function refuseLeftOut(context: FolderContext, path: string): void {
  const obstacle = pathObstacle(path) ?? reasonToLeaveOut(context, path, false);
  if (obstacle !== null) throw refusedPath(path, obstacle === '' ? 'the ignore rules leave it out' : obstacle);
  const found = standingTwin(context, path);
  if (found !== null) throw refusedPath(path, `this disk takes it and "${found.twin}" for one name`);
}

export const refusedPath = (path: string, why: string): SyncError =>
  new SyncError('USYNC-1907', `"${path}" takes no part in this dataset: ${why}.`);
