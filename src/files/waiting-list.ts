import type { WaitingEntry } from '../databases/folder-calls.js';
import { nameOf, parentOf } from './entry-path.js';

/** Paths with the reason why they wait. Bounded: of many, some are named and all are counted. */
export interface WaitingList {
  put(path: string, reason: string): void;
  remove(path: string): void;
  /** Forgets what is below a folder. */
  removeBelow(folder: string): void;
  reasonAt(path: string): string | null;
  /** Names of what is told of directly in a folder. */
  namesIn(folder: string): readonly string[];
  count(): number;
  list(max: number): readonly WaitingEntry[];
}

export function createWaitingList(): WaitingList {
  const reasonByPath = new Map<string, string>();
  const namesByFolder = new Map<string, Set<string>>();
  return {
    put(path, reason) {
      if (reasonByPath.size >= pathsMax && !reasonByPath.has(path)) return;
      reasonByPath.set(path, reason);
      const names = namesByFolder.get(parentOf(path));
      if (names === undefined) namesByFolder.set(parentOf(path), new Set([nameOf(path)]));
      else names.add(nameOf(path));
    },
    remove(path) {
      if (!reasonByPath.delete(path)) return;
      const names = namesByFolder.get(parentOf(path));
      names?.delete(nameOf(path));
      if (names?.size === 0) namesByFolder.delete(parentOf(path));
    },
    removeBelow(folder) {
      for (const [below, names] of namesByFolder) {
        if (below !== folder && !below.startsWith(`${folder}/`)) continue;
        for (const name of names) reasonByPath.delete(`${below}/${name}`);
        namesByFolder.delete(below);
      }
    },
    reasonAt: (path) => reasonByPath.get(path) ?? null,
    namesIn: (folder) => [...(namesByFolder.get(folder) ?? [])],
    count: () => reasonByPath.size,
    list: (max) => [...reasonByPath].slice(0, max).map(([path, reason]) => ({ path, reason })),
  };
}

const pathsMax = 10_000;
