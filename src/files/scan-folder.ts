/** Compares a folder with what is recorded of it, and reads what changed. Nothing is written here. */
import { folderVersion, linkVersion, type EntryVersion } from '../core/entry.js';
import type { DiskRecord } from '../databases/entry-table.js';
import { codeOf, diskErrorText } from '../system/disk.js';
import { hashContent, isDatabase, type HashedContent } from './content-hash.js';
import { isAsRecorded, isSameFolder, lookAt, lookOf, type DiskLook, type FileLook } from './disk-look.js';
import { joinPath, linkObstacle, nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { databaseReason, ignoredReason, reasonToLeaveOut } from './left-out.js';
import type { RootFolder } from './root-folder.js';
import { readFlags } from './whole-file.js';

/** One path at which the disk is not as recorded. */
export interface Found {
  readonly path: string;
  /** The record that was compared with. */
  readonly record: DiskRecord | null;
  /** Null: nothing is there any more. */
  readonly now: FoundEntry | null;
  /** It is no part of the dataset, whether it is there or not: its record goes, its rows stay. */
  readonly isLeftOut: boolean;
  /** An edit of what the ignore rules leave out: its record stays, so that it is one when they take it in again. */
  readonly isHeldBack?: boolean;
}

export interface FoundEntry {
  readonly version: EntryVersion;
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
  readonly mark: string;
  readonly list: Uint8Array | null;
}

/** What a listing of a folder gives. */
export interface FolderListing {
  /** Entries that differ or may differ, with what stands there; not read yet. */
  readonly differing: readonly Differing[];
  readonly folders: readonly FoundFolder[];
}

/** A folder in it that takes part. */
export interface FoundFolder {
  readonly path: string;
  /** No folder was recorded there. */
  readonly isNew: boolean;
  /** Another folder was: what is in this one is not known, and it is not the one that is watched. */
  readonly isReplaced: boolean;
}

export interface Differing {
  readonly path: string;
  readonly record: DiskRecord | null;
  readonly look: DiskLook;
}

/** `names`: only these; null: all. A folder that cannot be read is unknown: nothing is concluded from it. */
export function listFolder(context: FolderContext, folder: string, names: ReadonlySet<string> | null): FolderListing {
  const records = new Map(recordsIn(context, folder, names).map((record) => [nameOf(record.path), record]));
  const differing: Differing[] = [];
  const folders: FoundFolder[] = [];
  try {
    if (context.names.isFolding && !isNamedSo(context, folder)) return goneFolder(context, folder);
    context.root.inFolder(folder, (place) => {
      // Where names are folded, only the list tells by which name something stands.
      const listed = names === null || context.names.isFolding ? new Set(namesIn(context, folder, place(''))) : null;
      const told = [context.waiting, context.leftOut, context.ignored].flatMap((list) => list.namesIn(folder));
      const wanted =
        names === null ? new Set([...(listed ?? []), ...records.keys(), ...told]) : withTwins(context, names, listed);
      for (const name of wanted) {
        const path = joinPath(folder, name);
        const record = records.get(name) ?? null;
        const look = listed === null || listed.has(name) ? lookAt(context.root.disk, place(name)) : nothing;
        if (look.kind === 'unknown') {
          context.waiting.put(path, look.reason);
          continue;
        }
        if (look.kind === 'folder' && reasonToLeaveOut(context, path, true) === null)
          folders.push({
            path,
            isNew: record?.version !== folderVersion,
            isReplaced: record?.version === folderVersion && !isSameFolder(look.mark, record.mark),
          });
        if (!isAsRecorded(look, record)) differing.push({ path, record, look });
        else if (look.kind === 'nothing' && !isGarbled(name)) standsNothing(context, path);
      }
      freeKept(context, folder, place(''));
    });
    context.waiting.remove(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return goneFolder(context, folder);
    context.waiting.put(folder, `the folder cannot be read: ${diskErrorText(error)}`);
  }
  return { differing, folders };
}

/** Of a few names in a folder of many only theirs are read. Where names are folded, others may be the same. */
function recordsIn(
  { table, names: { isFolding } }: FolderContext,
  folder: string,
  names: ReadonlySet<string> | null,
): DiskRecord[] {
  if (names === null || isFolding) return table.disk.in(folder);
  return [...names].flatMap((name) => table.disk.at(joinPath(folder, name)) ?? []);
}

const nothing: DiskLook = { kind: 'nothing' };

/** It may stand for a name that is not valid UTF-8, which is there. */
const isGarbled = (name: string): boolean => name.includes('\u{fffd}');

/**
 * What was told of a path is over when nothing stands there, and what others have there is placed: it may be that something
 * that takes no part stood in its way. What this server leaves out by its name is told of by who places it.
 */
function standsNothing(context: FolderContext, path: string): void {
  const { table, waiting, leftOut, ignored } = context;
  for (const list of [waiting, leftOut, ignored]) list.removeBelow(path);
  const rows = table.rows.at(path);
  const isBelow = table.rows.isBelow(path);
  if (rows.length > 0 || isBelow) {
    const isFolder = isBelow || rows.some(({ version }) => version === folderVersion);
    if (reasonToLeaveOut(context, path, isFolder) !== null) return;
    if (table.rows.isPending(path)) {
      for (const list of [leftOut, ignored]) list.remove(path);
      return;
    }
    table.rows.mark(path);
    // What stood in the way of a folder was in the way of all that belongs into it.
    if (isBelow) for (const below of table.rows.unplaced()) if (below.startsWith(`${path}/`)) table.rows.mark(below);
  }
  for (const list of [waiting, leftOut, ignored]) list.remove(path);
}

/** Marks what others have and does not stand here, when nothing stands in its way any more: it went while nobody looked. */
export function markVanished(context: FolderContext): void {
  const { table, root } = context;
  for (const path of table.rows.unplaced()) if (standsAt(root, path).kind === 'nothing') standsNothing(context, path);
}

function standsAt(root: RootFolder, path: string): DiskLook {
  try {
    return root.at(path, (place) => lookAt(root.disk, place));
  } catch (error) {
    // Where another file or a link has the name of a folder, it waits for that.
    const isNowhere = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '');
    return isNowhere ? nothing : { kind: 'unknown', reason: diskErrorText(error) };
  }
}

/** A folder that stands only for what is left out in it goes with the last of it. */
function freeKept({ table, root }: FolderContext, folder: string, place: string): void {
  const record = folder === '' ? null : table.disk.at(folder);
  if (record?.isKept !== true || root.disk.namesIn(place).length > 0) return;
  table.disk.put({ ...record, isKept: false });
  table.rows.mark(folder);
}

/** A hint at one name may be at another one of the same key. */
function withTwins(
  { names: folding }: FolderContext,
  names: ReadonlySet<string>,
  listed: ReadonlySet<string> | null,
): ReadonlySet<string> {
  if (!folding.isFolding || listed === null) return names;
  const keys = new Set([...names].map((name) => folding.keyOf(name)));
  return new Set([...names, ...[...listed].filter((name) => keys.has(folding.keyOf(name)))]);
}

/** A folder that got another case answers to its old name too. */
const isNamedSo = (context: FolderContext, folder: string): boolean =>
  folder === '' ||
  (isNamedSo(context, parentOf(folder)) &&
    context.root.inFolder(parentOf(folder), (place) => {
      return context.root.disk.namesIn(place('')).some((name) => name.toString() === nameOf(folder));
    }));

/**
 * The folder vanished while it was looked for: that is found in its parent. Where it is recorded already that no folder is
 * there, what is recorded below it is gone.
 */
function goneFolder(context: FolderContext, folder: string): FolderListing {
  if (folder === '') return { differing: [], folders: [] };
  for (const list of [context.waiting, context.leftOut, context.ignored]) list.removeBelow(folder);
  if (context.table.disk.at(folder)?.version === folderVersion) {
    context.dirty(parentOf(folder), nameOf(folder));
    return { differing: [], folders: [] };
  }
  return {
    differing: context.table.disk
      .in(folder)
      .map((record) => ({ path: record.path, record, look: { kind: 'nothing' } })),
    folders: [],
  };
}

/** Names come as bytes: what is not UTF-8 is told of, and never taken for something that is missing. */
function namesIn(context: FolderContext, folder: string, place: string): string[] {
  const names: string[] = [];
  for (const name of context.leftOut.namesIn(folder))
    if (isGarbled(name)) context.leftOut.remove(joinPath(folder, name));
  for (const bytes of context.root.disk.namesIn(place)) {
    const name = bytes.toString();
    if (Buffer.from(name).equals(bytes)) names.push(name);
    else context.leftOut.put(joinPath(folder, name), 'the name is not valid UTF-8');
  }
  return names;
}

/**
 * Reads what stands at a path: at once, unless it is a large file. Null: it is still being written, so that it is looked
 * at again later.
 */
export function readDiffering(
  context: FolderContext,
  { path, record, look }: Differing,
): Found | null | Promise<Found | null> {
  const leaveOut = (reason: string): Found => {
    const ignored = reason === '' ? ignoredReason(context, path, look.kind === 'folder') : null;
    if (ignored !== null) context.ignored.put(path, ignored);
    else context.ignored.remove(path);
    if (reason !== '') context.leftOut.put(path, reason);
    const isHeldBack = ignored !== null && look.kind === 'file' && record !== null && record.version !== folderVersion;
    return { path, record, now: null, isLeftOut: true, isHeldBack };
  };
  if (look.kind === 'nothing') {
    const isFolder = record?.version === folderVersion;
    const isLeftOut = record !== null && reasonToLeaveOut(context, path, isFolder) !== null;
    for (const list of [context.waiting, context.leftOut, context.ignored]) list.remove(path);
    if (record?.version === folderVersion)
      for (const list of [context.waiting, context.leftOut, context.ignored]) list.removeBelow(path);
    return { path, record, now: null, isLeftOut };
  }
  const reason = reasonToLeaveOut(context, path, look.kind === 'folder');
  if (reason !== null) return leaveOut(reason);
  for (const list of [context.leftOut, context.ignored]) list.remove(path);
  switch (look.kind) {
    case 'folder': {
      const { mark } = look;
      const mode = modeOf(context, record, look.mode);
      return { path, record, isLeftOut: false, now: { ...plain, version: folderVersion, mode, mark } };
    }
    case 'link': {
      const obstacle = linkObstacle(path, look.target);
      if (obstacle !== null) return leaveOut(obstacle);
      return { path, record, isLeftOut: false, now: { ...plain, version: linkVersion(look.target), mark: look.mark } };
    }
    case 'special':
      return leaveOut(`it is a ${look.what}`);
    case 'unknown':
      context.waiting.put(path, look.reason);
      return null;
    case 'file':
      return readFile(context, { path, record, look }, leaveOut);
  }
}

/** Where the disk keeps none, it stays as it was; of a new entry it is unknown. */
const modeOf = ({ hasModes }: FolderContext, record: DiskRecord | null, mode: number): number =>
  hasModes ? mode : (record?.mode ?? 0);

const plain = { size: 0, mode: 0, mtime: 0, list: null } as const;

interface FileToRead {
  readonly path: string;
  readonly record: DiskRecord | null;
  readonly look: FileLook;
}

function readFile(
  context: FolderContext,
  file: FileToRead,
  leaveOut: (reason: string) => Found,
): Found | null | Promise<Found | null> {
  const { path, look } = file;
  const isOpenHere = context.root.at(path, (place) => context.protectedFiles.isProtectedFile(place));
  if (isOpenHere) return leaveOut(databaseReason);
  const handle = openToRead(context, path);
  if (handle === null) return null;
  const { disk } = context.root;
  const judge = (hashed: HashedContent | null): Found | null =>
    hashed !== null && isDatabase(hashed.head)
      ? leaveOut(databaseReason)
      : foundIn(context, { ...file, hashed, handle });
  let isHashing = false;
  try {
    const before = lookOf(disk.statsOf(handle));
    if (before.kind !== 'file' || before.mark !== look.mark) return null;
    const { system, hashAside, scanWork } = context;
    const hashed = hashContent({
      ...{ disk, handle, hashAside, size: look.size },
      pause: () => system.pause(),
      onRead: (bytes) => scanWork.read(bytes),
    });
    isHashing = hashed instanceof Promise;
    return hashed instanceof Promise ? hashed.then(judge).finally(() => disk.close(handle)) : judge(hashed);
  } finally {
    if (!isHashing) disk.close(handle);
  }
}

interface HashedFile extends FileToRead {
  readonly hashed: HashedContent | null;
  readonly handle: number;
}

function foundIn(context: FolderContext, { path, record, look, hashed, handle }: HashedFile): Found | null {
  if (hashed === null) return null;
  const after = lookOf(context.root.disk.statsOf(handle));
  context.waiting.remove(path);
  // A file that only grew while it was read was read whole as it was before: a log is never left to starve.
  const mark = after.kind === 'file' && after.mark === look.mark ? look.mark : '';
  const { size, version, list } = hashed;
  return {
    path,
    record,
    isLeftOut: false,
    now: { version, size, list, mark, mode: modeOf(context, record, look.mode), mtime: look.mtime },
  };
}

function openToRead(context: FolderContext, path: string): number | null {
  try {
    return context.root.at(path, (place) => context.root.disk.open(place, readFlags));
  } catch (error) {
    const code = codeOf(error);
    // Gone or replaced since the look: the next look tells.
    if (code !== 'ENOENT' && code !== 'ELOOP' && code !== 'ENOTDIR')
      context.waiting.put(path, `the file cannot be read: ${diskErrorText(error)}`);
    return null;
  }
}
