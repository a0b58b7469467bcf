/**
 * One step on the disk. Each looks once more at what stands there in the moment before it acts, and acts in one system
 * call: what a reader sees at a path is the old content or the new one, whole.
 */
import { folderVersion, type Entry } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { DiskRecord } from '../databases/entry-table.js';
import { codeOf, type Disk } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { isAsRecorded, isFolderThere, isUnchanged, lookAt, lookOf, type DiskLook } from './disk-look.js';
import type { ReadyContent } from './content-getter.js';
import { joinPath, nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { keepDeleted, keepReplaced } from './history-keeper.js';
import { reasonToLeaveOut } from './left-out.js';
import { unnamedFolderMode } from './plan-path.js';
import { namesInFolder, temporaryFolder } from './state-folder.js';
import { modeOf, readFlags, setAttributes } from './whole-file.js';

/** Whether it could be done. `changed`: something else stands there than is recorded; it must be looked at first. */
export type Placed = 'done' | 'changed' | 'waits';

/** A file of the folder itself that is moved, as it was found a moment ago. */
export interface MovedContent extends ReadyContent {
  readonly record: DiskRecord;
}

export const standsForLeftOut = 'A folder stands there in which are files that take no part.';

/** `content` is null for what has none. */
export function placeEntry(context: FolderContext, entry: Entry, content: ReadyContent | MovedContent | null): Placed {
  const { path } = entry;
  const record = context.table.disk.at(path);
  // A new file gets its name only if nothing has it: that needs no look before.
  const isNewFile = record === null && content?.hasAttributes === true;
  if (!isNewFile && !isUntouched(context, path, record)) return 'changed';
  if (entry.version === folderVersion)
    return placeFolder(context, { path, mode: entry.mode, modeAge: entry.modeAge, record });
  if (record?.version === folderVersion) {
    if (removeFolder(context, path) !== 'done') return 'waits';
    if (context.table.disk.at(path) !== null) throw new SyncError('USYNC-1703', standsForLeftOut);
  }
  const isReplacing = record !== null && record.version !== folderVersion;
  const source = content?.path ?? makeLink(context, entry);
  const moved = content !== null && 'record' in content ? content.record : null;
  const prepared =
    content?.hasAttributes === false
      ? setAttributesAt(context, source, { entry, record: moved })
      : lookIn(context, source);
  if (prepared === null) return 'changed';
  // An application may have put another file in place meanwhile.
  if (isReplacing && !(isUntouched(context, path, record) && keepReplaced(context, record))) return 'changed';
  // Or have written into a file of its own while that was prepared.
  if (moved !== null && !isUnchanged(prepared, lookIn(context, source))) return 'changed';
  if (!moveIn(context, source, { path, isReplacing })) return 'changed';
  context.unsynced.add(parentOf(path));
  noteDone(context, entry, prepared);
  return 'done';
}

const lookIn = ({ root }: FolderContext, path: string): DiskLook => root.at(path, (place) => lookAt(root.disk, place));

function isUntouched(context: FolderContext, path: string, record: DiskRecord | null): boolean {
  const look = lookIn(context, path);
  // A folder's record is of the folder itself; what is in it does not matter here.
  if (record?.version === folderVersion) return look.kind === 'folder';
  return isAsRecorded(look, record);
}

interface FolderToPlace {
  readonly path: string;
  readonly mode: number;
  readonly modeAge: number;
  readonly record: DiskRecord | null;
}

/** Also for a folder that no row names: it is made because something stands in it. */
export function placeFolder(context: FolderContext, { path, mode, modeAge, record }: FolderToPlace): Placed {
  if (record !== null && record.version !== folderVersion) {
    // Moved away with an edit that nobody has seen yet, it would be kept as what it no longer is.
    if (!isUntouched(context, path, record)) return 'changed';
    if (!keepDeleted(context, record)) return 'changed';
  }
  const { disk } = context.root;
  // Its owner must be able to work in it, whatever the mode says elsewhere.
  const asked = mode === 0 ? unnamedFolderMode : (mode & 0o777) | 0o700;
  const isMade = context.root.at(path, (place) => {
    if (record?.version !== folderVersion) {
      if (!makeNew(disk, place)) return false;
      context.unsynced.add(parentOf(path));
    }
    disk.setModeAt(place, asked);
    return true;
  });
  if (!isMade) return 'changed';
  const look = lookIn(context, path);
  if (look.kind !== 'folder') return 'changed';
  // A mode that an application has set in between is an edit that a scan must find.
  const isAsAsked = !context.hasModes || look.mode === asked;
  if (!isAsAsked) context.dirty(parentOf(path), nameOf(path));
  context.table.disk.put({
    path,
    version: folderVersion,
    size: 0,
    mode: context.hasModes ? asked : mode,
    mtime: 0,
    mark: isAsAsked ? look.mark : '',
    isKept: false,
    modeAge,
  });
  return 'done';
}

/** False: something stands there since the last look. */
function makeNew(disk: Disk, place: string): boolean {
  try {
    disk.makeFolder(place, 0o700);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function makeLink({ root, system }: FolderContext, { version }: Entry): string {
  const path = `${temporaryFolder}/link-${randomHex(system, 6)}`;
  root.at(path, (place) => root.disk.makeLink(version.slice(2), place));
  return path;
}

/** Renaming replaces what stands there; where nothing stands, nothing may be replaced. False: something does. */
export function moveIn(
  { root, root: { disk } }: FolderContext,
  source: string,
  { path, isReplacing }: { readonly path: string; readonly isReplacing: boolean },
): boolean {
  return root.at(source, (from) =>
    root.at(path, (to) => {
      if (isReplacing) {
        disk.rename(from, to);
        return true;
      }
      try {
        disk.linkFile(from, to);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        if (!['EPERM', 'ENOTSUP', 'EMLINK'].includes(codeOf(error) ?? '')) throw error;
        if (disk.look(to) !== null) return false;
        disk.rename(from, to);
        return true;
      }
      disk.removeFile(from);
      return true;
    }),
  );
}

/** `prepared`: as it was before it had its name. What was written into it since then is an edit that a scan must find. */
function noteDone(context: FolderContext, entry: Entry, prepared: DiskLook): void {
  const { path, version, size, mode, mtime, modeAge } = entry;
  const look = lookIn(context, path);
  const mark = 'mark' in look && look.kind !== 'folder' && isUnchanged(prepared, look) ? look.mark : '';
  if (mark === '') context.dirty(parentOf(path), nameOf(path));
  context.table.disk.put({ path, version, size, mode, mtime, mark, isKept: false, modeAge });
}

interface Attributes {
  readonly entry: Entry;
  /** What must stand there; null where no application can have written. */
  readonly record: DiskRecord | null;
}

/** Returns the file as it is then; null where it is not as recorded: its times tell that, and must not be set before. */
function setAttributesAt({ root }: FolderContext, path: string, { entry, record }: Attributes): DiskLook | null {
  const { disk } = root;
  const { handle, look } = root.at(path, (place) => openToSet(disk, place));
  try {
    if (look.kind !== 'file') throw new SyncError('USYNC-1703', 'It is no file any more.');
    if (record !== null && !isAsRecorded(look, record)) return null;
    const isAsAsked = (look.mode & 0o777) === modeOf(entry) && look.mtime === entry.mtime;
    // What was fetched is durable already; a file of the folder may be one that its application never synced.
    if (isAsAsked && record === null) return look;
    if (!isAsAsked) setAttributes(disk, handle, entry);
    const after = lookOf(disk.statsOf(handle));
    // Lost with the power, content and attributes would be taken for a change that was made here.
    disk.sync(handle);
    return after;
  } finally {
    disk.close(handle);
  }
}

interface OpenedFile {
  readonly handle: number;
  /** As it was before anything was done to it. */
  readonly look: DiskLook;
}

/** Also where its mode forbids its owner to read it. */
function openToSet(disk: Disk, place: string): OpenedFile {
  try {
    const handle = disk.open(place, readFlags);
    return { handle, look: lookOf(disk.statsOf(handle)) };
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    const { handle, before } = disk.openOwn(place);
    return { handle, look: lookOf(before) };
  }
}

export function placeAttributes(context: FolderContext, entry: Entry): Placed {
  const record = context.table.disk.at(entry.path);
  if (record === null || !isUntouched(context, entry.path, record)) return 'changed';
  if (entry.version === folderVersion) {
    const { path, mode, modeAge } = entry;
    return placeFolder(context, { path, mode, modeAge, record });
  }
  const prepared = setAttributesAt(context, entry.path, { entry, record });
  if (prepared === null) return 'changed';
  noteDone(context, entry, prepared);
  return 'done';
}

export function removeEntry(context: FolderContext, path: string): Placed {
  const record = context.table.disk.at(path);
  if (record === null) return 'done';
  const folder = parentOf(path);
  if (!isFolderThere(context.root, folder)) {
    if (context.table.disk.at(folder)?.version === folderVersion) {
      context.dirty(parentOf(folder), nameOf(folder));
      return 'changed';
    }
    context.table.disk.remove(path);
    return 'done';
  }
  if (!isUntouched(context, path, record)) return 'changed';
  if (record.version === folderVersion) return removeFolder(context, path);
  if (!keepDeleted(context, record)) return 'changed';
  context.table.disk.remove(path);
  return 'done';
}

/**
 * Only an empty folder goes. One in which something is left that takes no part stays, and is no entry any more; one with
 * anything else waits until that is captured or gone.
 */
function removeFolder(context: FolderContext, path: string): Placed {
  const { root, table } = context;
  try {
    root.at(path, (place) => root.disk.removeFolder(place));
    context.unsynced.add(parentOf(path));
    table.disk.remove(path);
    return 'done';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return 'changed';
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  const isLeft = namesInFolder(root, path).every((name) => takesNoPart(context, joinPath(path, name)));
  const record = table.disk.at(path);
  if (!isLeft || record === null) {
    context.dirty(path, null);
    return 'waits';
  }
  table.disk.put({ ...record, isKept: true });
  return 'done';
}

/** By its name, for what it is (as a scan found it), or since it stands only for such things inside it. */
function takesNoPart(context: FolderContext, path: string): boolean {
  const record = context.table.disk.at(path);
  if (record?.isKept === true) return true;
  if (record === null && context.leftOut.reasonAt(path) !== null) return true;
  return reasonToLeaveOut(context, path, lookIn(context, path).kind === 'folder') !== null;
}

/** Folders on the way to a path that are not there, outermost first. */
export function missingFolders({ root, table }: FolderContext, path: string): string[] {
  const missing: string[] = [];
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
    if (table.disk.at(folder)?.version === folderVersion && isFolderThere(root, folder)) break;
    missing.unshift(folder);
  }
  return missing;
}
