import type { WaitingEntry } from '../databases/folder-calls.js';

/** Paths with the reason why they wait. Bounded: of many, some are named and all are counted. */
export interface WaitingList {
  put(path: string, reason: string): void;
  remove(path: string): void;
  /** Forgets what is at or below a folder. */
  removeBelow(folder: string): void;
  count(): number;
  list(max: number): readonly WaitingEntry[];
}

export function createWaitingList(): WaitingList {
  const reasonByPath = new Map<string, string>();
  return {
    put: (path, reason) => {
      if (reasonByPath.size < pathsMax || reasonByPath.has(path)) reasonByPath.set(path, reason);
    },
    remove: (path) => void reasonByPath.delete(path),
    removeBelow(folder) {
      for (const path of reasonByPath.keys())
        if (folder === '' || path === folder || path.startsWith(`${folder}/`)) reasonByPath.delete(path);
    },
    count: () => reasonByPath.size,
    list: (max) => [...reasonByPath].slice(0, max).map(([path, reason]) => ({ path, reason })),
  };
}

const pathsMax = 10_000;
