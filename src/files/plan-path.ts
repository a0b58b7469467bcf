import { chooseVersion } from './choose-version.js';
import { conflictPath } from './conflict-path.js';
import { folderVersion, kindOfVersion, type Entry, type EntryVersion } from '../core/entry.js';

/** What was last seen or placed on disk at a path. */
export interface Standing {
  readonly version: EntryVersion;
  readonly mode: number;
  readonly modeAge: number;
  readonly mtime: number;
  /** A folder without a row, which stands only for what is left out of the dataset inside it. */
  readonly isKept: boolean;
}

export interface PathState {
  readonly path: string;
  /** Rows of the table at this path. */
  readonly rows: readonly Entry[];
  /** Whether the table has rows below this path. */
  readonly isFolderNeeded: boolean;
  /** Null: nothing is known to stand there. */
  readonly standing: Standing | null;
}

export interface PathPlan {
  readonly disk: DiskStep;
  readonly table: TableSteps;
}

export type DiskStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'place'; readonly entry: Entry }
  | { readonly kind: 'make-folder' }
  | { readonly kind: 'remove' }
  /** The content is there; mode or time of it are not. */
  | { readonly kind: 'set-attributes'; readonly entry: Entry };

/** Rows that a settled conflict ends and inserts. Every server that does it writes the same rows. */
export interface TableSteps {
  readonly end: readonly Entry[];
  readonly insert: readonly Entry[];
  /** The shown version with a mode that its writer had not seen. */
  readonly setMode: Entry | null;
}

/** What makes the disk like the table at one path. The caller checks that `standing` is still true before it acts. */
export function planPath({ path, rows, isFolderNeeded, standing }: PathState): PathPlan {
  const { shown, superseded, losers } = chooseVersion(rows, isFolderNeeded);
  const copies = losers.map((loser) => ({
    ...loser,
    path: conflictPath(loser),
    base: null,
    copyOf: loser.copyOf ?? path,
  }));
  const setMode = shown === 'folder' ? null : unseenMode(shown, standing);
  return {
    disk: diskStep(setMode ?? shown, standing),
    table: { end: [...superseded, ...losers], insert: copies, setMode },
  };
}

/** The mode of what stands here was changed by somebody whose change the writer of the shown version had not seen. */
function unseenMode(shown: Entry | null, standing: Standing | null): Entry | null {
  if (shown === null || standing === null || shown.base === null || shown.version === standing.version) return null;
  const areFiles = [shown, standing].every(({ version }) => kindOfVersion(version) === 'file');
  if (!areFiles || standing.modeAge <= shown.modeAge) return null;
  return { ...shown, mode: standing.mode, modeAge: standing.modeAge };
}

function diskStep(shown: Entry | 'folder' | null, standing: Standing | null): DiskStep {
  if (shown === 'folder') return isPlainFolder(standing) ? { kind: 'nothing' } : { kind: 'make-folder' };
  if (shown === null) return standing === null || standing.isKept ? { kind: 'nothing' } : { kind: 'remove' };
  if (standing?.version !== shown.version) return { kind: 'place', entry: shown };
  return hasAttributes(shown, standing) ? { kind: 'nothing' } : { kind: 'set-attributes', entry: shown };
}

/** Of a folder that no row names no server knows a mode: it is the same one everywhere. */
export const unnamedFolderMode = 0o755;

const isPlainFolder = (standing: Standing | null): boolean =>
  standing?.version === folderVersion && (standing.mode === unnamedFolderMode || standing.mode === 0);

/** A folder's time changes with each entry in it, and a link has no mode of its own: these are not compared. */
function hasAttributes(shown: Entry, standing: Standing): boolean {
  if (shown.version.startsWith('l:')) return true;
  if (shown.version === folderVersion) return shown.mode === standing.mode && !standing.isKept;
  return shown.mode === standing.mode && shown.mtime === standing.mtime;
}
