import { closeSync, openSync, readSync, readdirSync, type Dirent } from 'node:fs';
import { join, relative } from 'node:path';

const header = 'SQLite format 3\0';
const foldersMax = 2000;
const depthMax = 4;
const skipped = new Set(['node_modules', '.git', '.usync', '__pycache__', '.venv', 'venv', 'build', 'dist']);

/** SQLite databases below a folder, recognised by their first bytes and not by their names; nearest first. */
export function findDatabases(root: string): string[] {
  const found: string[] = [];
  const waiting = [{ folder: root, depth: 0 }];
  for (let seen = 0; waiting.length > 0 && seen < foldersMax; seen++) {
    const next = waiting.shift();
    if (!next) break;
    for (const entry of entriesOf(next.folder)) {
      const path = join(next.folder, entry.name);
      if (entry.isDirectory() && next.depth < depthMax && !skipped.has(entry.name))
        waiting.push({ folder: path, depth: next.depth + 1 });
      if (entry.isFile() && hasHeader(path) && !entry.name.endsWith('-usync-lock')) found.push(relative(root, path));
    }
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function hasHeader(path: string): boolean {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(header.length);
      return readSync(file, bytes, 0, header.length, 0) === header.length && bytes.toString('latin1') === header;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}
