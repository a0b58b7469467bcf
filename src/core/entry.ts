/**
 * One version of what stands at a path of a folder dataset: a row of the synced table `entries`, whose key is path and
 * version. An edit ends the rows of the versions that it saw and inserts one of its own. So two rows at one path are two
 * edits of which neither saw the other, and a row that stands beside an ended one is an edit that outlives a delete.
 */
export interface Entry {
  /** From the root, with `/`, as the names stand on disk. */
  readonly path: string;
  readonly version: EntryVersion;
  readonly size: number;
  /** Permission bits; 0 where the system that captured it has none. */
  readonly mode: number;
  /**
   * How often the mode was changed along the versions that led to this one. An edit takes mode and age over, so a mode of
   * greater age is one that the edit had not seen.
   */
  readonly modeAge: number;
  /** Microseconds since 1970. */
  readonly mtime: number;
  /** The version that this one took the place of, if any. */
  readonly base: EntryVersion | null;
  /** Name of the server on which it was written; for people. */
  readonly author: string;
  /** Unix milliseconds at which it was found; decides which of two concurrent edits keeps the name. */
  readonly time: number;
  /** For a conflict copy: the path at which it lost. */
  readonly copyOf: string | null;
}

declare const versionBrand: unique symbol;
/**
 * `d` for a folder; `l:` and the target of a link; `f:` and the SHA-256 of content of one chunk; `m:` and the SHA-256 of
 * the list of its chunks for larger content. Hashes in base64url.
 */
export type EntryVersion = string & { readonly [versionBrand]: true };

export const folderVersion = 'd' as EntryVersion;
export const linkVersion = (target: string): EntryVersion => `l:${target}` as EntryVersion;
/** Null for what is no link. */
export const linkTargetOf = (version: EntryVersion): string | null =>
  version.startsWith('l:') ? version.slice(2) : null;
/** `hash` in base64url. */
export const contentVersion = (kind: 'f' | 'm', hash: string): EntryVersion => `${kind}:${hash}` as EntryVersion;

export type EntryKind = 'folder' | 'link' | 'file';

/** Null for text that is no version: it came from a peer. */
export function kindOfVersion(version: string): EntryKind | null {
  if (version === 'd') return 'folder';
  if (version.startsWith('l:') && version.length > 2 && version.length <= linkCharactersMax) return 'link';
  return /^[fm]:[A-Za-z0-9_-]{43}$/.test(version) ? 'file' : null;
}

const linkCharactersMax = 4096;
