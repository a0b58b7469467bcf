import type { Entry } from '../core/entry.js';
import { kindOfVersion } from '../core/entry.js';

/** Which version has the path, and what becomes of the others. A pure function of the rows: equal on every server. */
export interface VersionChoice {
  /** `folder`: something stands below the path, so that a folder is needed although no row says so. */
  readonly shown: Entry | 'folder' | null;
  /** Versions that the one shown was made from: nothing of them is lost. */
  readonly superseded: readonly Entry[];
  /** Edits that lost the name; each is kept as a conflict copy. */
  readonly losers: readonly Entry[];
}

/**
 * Folders have the path before anything else, since other entries stand in them; then the later edit has it. Clocks that
 * differ decide only who keeps the name: the other one stands beside it.
 */
export function chooseVersion(rows: readonly Entry[], isFolderNeeded: boolean): VersionChoice {
  const ranked = rows.toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
  const superseded = ranked.filter((row) => ranked.some((other) => other.base === row.version && isBefore(other, row)));
  const standing = ranked.filter((row) => !superseded.includes(row));
  const [first, ...others] = standing;
  if (!isFolderNeeded || (first && isFolder(first))) return { shown: first ?? null, superseded, losers: others };
  return { shown: 'folder', superseded, losers: standing };
}

function isBefore(a: Entry, b: Entry): boolean {
  if (isFolder(a) !== isFolder(b)) return isFolder(a);
  return a.time === b.time ? a.version > b.version : a.time > b.time;
}

const isFolder = ({ version }: Entry): boolean => kindOfVersion(version) === 'folder';
