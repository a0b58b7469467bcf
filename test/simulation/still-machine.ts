/**
 * The parts of the real machine that answer in their own time are made still, so that a run depends on its seed alone:
 * events of the file system never come (hints may be missing), and the sync of a -wal file is done at once.
 */
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const realOpen = promises.open.bind(promises);
let isStill = false;

export function makeMachineStill(): void {
  if (isStill) return;
  isStill = true;
  const silentWatcher = (): fs.FSWatcher =>
    Object.assign(new EventEmitter(), { close: () => undefined }) as fs.FSWatcher;
  fs.watch = silentWatcher;
  promises.open = (path: fs.PathLike, ...rest: []) =>
    String(path).endsWith('-wal') ? Promise.resolve(syncedFile) : realOpen(path, ...rest);
  syncBuiltinESMExports();
}

const syncedFile = {
  sync: () => Promise.resolve(),
  datasync: () => Promise.resolve(),
  close: () => Promise.resolve(),
} as unknown as promises.FileHandle;
