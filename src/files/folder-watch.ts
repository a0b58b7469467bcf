import { codeOf } from '../system/disk.js';
import type { System } from '../system/system.js';
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
  /** How many folders are not watched since the system allows no more watches. */
  readonly unwatched: number;
  close(): void;
}

export interface FolderWatchOptions {
  readonly root: RootFolder;
  readonly system: System;
  readonly onHint: (folder: string, name: string | null) => void;
  readonly onOverflow: () => void;
}

/** Linux drops events beyond this many without a word to the process. */
const eventsPerTurnMax = 16_000;

export function createFolderWatch({ root, system, onHint, onOverflow }: FolderWatchOptions): FolderWatch {
  const watches = new Map<string, () => void>();
  const unwatched = new Set<string>();
  let eventsThisTurn = 0;
  const hint = (folder: string, name: string | null): void => {
    if (eventsThisTurn++ === 0) void endTurn();
    onHint(folder, name);
  };
  const endTurn = async (): Promise<void> => {
    await system.pause();
    if (eventsThisTurn >= eventsPerTurnMax) onOverflow();
    eventsThisTurn = 0;
  };
  const drop = (folder: string): void => {
    watches.get(folder)?.();
    watches.delete(folder);
  };
  return {
    add(folder) {
      if (watches.has(folder)) return;
      try {
        const listener = {
          onHint: (name: string | null) => hint(folder, name),
          onEnd: () => {
            drop(folder);
            onHint(folder, null);
          },
        };
        watches.set(
          folder,
          root.inFolder(folder, (place) => root.disk.watch(place(''), listener)),
        );
        unwatched.delete(folder);
      } catch (error) {
        // What else can be is that it is gone by now.
        if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EMFILE') unwatched.add(folder);
        else unwatched.delete(folder);
      }
    },
    has: (folder) => watches.has(folder),
    remove(folder) {
      const isIn = (watched: string): boolean => watched === folder || watched.startsWith(`${folder}/`);
      for (const watched of watches.keys()) if (isIn(watched)) drop(watched);
      for (const each of unwatched) if (isIn(each)) unwatched.delete(each);
    },
    get unwatched() {
      return unwatched.size;
    },
    close() {
      for (const folder of watches.keys()) drop(folder);
    },
  };
}
