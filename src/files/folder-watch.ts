import { watch, type FSWatcher } from 'node:fs';
import { codeOf } from './disk-look.js';
import type { RootFolder } from './root-folder.js';

/**
 * One watch a folder. What it tells is a hint: that something in a folder may have changed. Where hints may have been
 * lost, everything has to be looked at.
 */
export interface FolderWatch {
  add(folder: string): void;
  has(folder: string): boolean;
  /** Ends the watches of a folder and of all below it. */
  remove(folder: string): void;
  /** Why hints are missing: the system allows no more watches. Null when all folders are watched. */
  readonly shortage: string | null;
  close(): void;
}

export interface FolderWatchOptions {
  readonly root: RootFolder;
  readonly onHint: (folder: string, name: string | null) => void;
  readonly onOverflow: () => void;
}

/** Linux drops events beyond this many without a word to the process. */
const eventsPerTurnMax = 16_000;

export function createFolderWatch({ root, onHint, onOverflow }: FolderWatchOptions): FolderWatch {
  const watchers = new Map<string, FSWatcher>();
  let shortage: string | null = null;
  let eventsThisTurn = 0;
  const hint = (folder: string, name: string | null): void => {
    if (eventsThisTurn++ === 0)
      setImmediate(() => {
        if (eventsThisTurn >= eventsPerTurnMax) onOverflow();
        eventsThisTurn = 0;
      });
    onHint(folder, name);
  };
  const drop = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  return {
    add(folder) {
      if (watchers.has(folder)) return;
      try {
        const watcher = root.inFolder(folder, (place) => watch(place('')));
        watcher.on('change', (_, name) => hint(folder, nameOfHint(name)));
        watcher.on('error', () => {
          drop(folder);
          onHint(folder, null);
        });
        watchers.set(folder, watcher);
      } catch (error) {
        if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EMFILE')
          shortage = 'The system allows no more watches (fs.inotify.max_user_watches); changes are found by looking.';
      }
    },
    has: (folder) => watchers.has(folder),
    remove(folder) {
      for (const watched of watchers.keys()) if (watched === folder || watched.startsWith(`${folder}/`)) drop(watched);
    },
    get shortage() {
      return shortage;
    },
    close() {
      for (const folder of watchers.keys()) drop(folder);
    },
  };
}

/** Names that are not UTF-8 came as replacement characters: the whole folder is looked at. */
const nameOfHint = (name: string | Buffer | null): string | null =>
  typeof name === 'string' && !name.includes('\uFFFD') ? name : null;
