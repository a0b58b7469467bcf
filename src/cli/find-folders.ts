import { readdirSync, type Dirent } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { createIgnoreRules, defaultIgnores } from '../files/ignore-rules.js';

/** Names under which applications keep what their users give them. */
const usualNames: ReadonlySet<string> = new Set([
  ...['uploads', 'upload', 'media', 'attachments', 'documents', 'files', 'photos', 'storage', 'instance', 'userfiles'],
  ...['user_files', 'user-files', 'user_uploads', 'user-uploads'],
]);
const skipped: ReadonlySet<string> = new Set(['node_modules', '__pycache__', 'venv', 'build', 'dist', 'vendor', 'src']);
const depthMax = 3;
const foldersMax = 2000;
const filesMax = 10_000;

export interface FoundFolder {
  /** Relative to where was looked. */
  readonly folder: string;
  readonly files: number;
  /** There are more files than were counted. */
  readonly isMore: boolean;
}

/**
 * Folders below `root` that probably hold data of the application and not its code; nearest first. Of folders in each other
 * the inner ones: `instance` holds databases and secrets beside its `uploads`.
 */
export function findFolders(root: string): FoundFolder[] {
  const found: string[] = [];
  const waiting = [{ folder: root, depth: 0 }];
  for (let seen = 0; seen < foldersMax; seen++) {
    const next = waiting.shift();
    if (next === undefined) break;
    for (const { name } of foldersIn(next.folder)) {
      const path = join(next.folder, name);
      if (usualNames.has(name.toLowerCase())) found.push(path);
      if (next.depth < depthMax - 1) waiting.push({ folder: path, depth: next.depth + 1 });
    }
  }
  return found
    .filter((path) => !found.some((other) => other.startsWith(path + sep)))
    .map((path) => ({ folder: relative(root, path), ...countFiles(path) }));
}

const foldersIn = (folder: string): Dirent[] =>
  entriesOf(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));

const rules = createIgnoreRules(defaultIgnores);
/** A dataset knows databases by their content; here their names must do, so that no file is opened. */
const isDatabase = /\.(?:db|sqlite3?)(?:-wal|-shm|-journal)?$/i;

function countFiles(root: string): Pick<FoundFolder, 'files' | 'isMore'> {
  const waiting = [root];
  let files = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of entriesOf(next)) {
      if (entry.isDirectory()) {
        if (!rules.isIgnored(entry.name, true)) waiting.push(join(next, entry.name));
      } else if (!isLeftOut(entry) && ++files >= filesMax) return { files, isMore: true };
    }
  }
  return { files, isMore: false };
}

const isLeftOut = ({ name }: Dirent): boolean => rules.isIgnored(name, false) || isDatabase.test(name);

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // What cannot be read is not proposed.
    return [];
  }
}
