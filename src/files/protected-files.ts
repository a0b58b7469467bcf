import { basename, dirname, join } from 'node:path';
import type { Disk } from '../system/disk.js';

/**
 * Files inside a synced folder that this process must not even open: closing any handle on a SQLite database drops the
 * locks that this process holds on it, so the databases that it syncs are known by path and by inode, never by looking.
 */
export interface ProtectedFiles {
  /** By the real path: a database that is synced, its companions, or anything in a data folder. */
  isProtected(realPath: string): boolean;
  /** By what stands there: another name of a synced database, old names included. */
  isProtectedFile(place: string): boolean;
}

export interface ProtectedPaths {
  readonly databases: readonly string[];
  readonly folders: readonly string[];
}

export function createProtectedFiles(disk: Disk, { databases, folders }: ProtectedPaths): ProtectedFiles {
  const files = databases.map((path) => realPathOf(disk, path));
  const roots = folders.map((path) => realPathOf(disk, path));
  const seen = new Set<string>();
  const look = (): void => {
    for (const file of files) {
      const inode = inodeOf(disk, file);
      if (inode !== null) seen.add(inode);
    }
  };
  look();
  return {
    isProtected: (path) =>
      files.some((file) => path === file || (path.startsWith(`${file}-`) && dirname(path) === dirname(file))) ||
      roots.some((root) => path === root || path.startsWith(`${root}/`)),
    isProtectedFile(place) {
      look();
      const inode = inodeOf(disk, place);
      return inode !== null && seen.has(inode);
    },
  };
}

/** The file itself may not be there yet: its folder is. */
function realPathOf(disk: Disk, path: string): string {
  try {
    return disk.realPath(path);
  } catch {
    try {
      return join(disk.realPath(dirname(path)), basename(path));
    } catch {
      return path;
    }
  }
}

function inodeOf(disk: Disk, path: string): string | null {
  try {
    const stats = disk.look(path);
    return stats === null ? null : `${stats.dev} ${stats.ino}`;
  } catch {
    return null;
  }
}
