import { chunkRecordBytes, type Chunk } from '../core/chunking/chunk-list.js';
import { contentBytesMax, contentItemsMax, type ContentRequest } from '../core/content-request.js';
import type { EntryVersion } from '../core/entry.js';
import { takeBytes } from '../core/spare-buffers.js';
import { SyncError } from '../core/sync-error.js';
import type { HistoryRecord } from '../databases/entry-table.js';
import { readWhole } from './content-hash.js';
import { lookAt } from './disk-look.js';
import type { FolderContext } from './folder-context.js';
import { historyFolder } from './state-folder.js';
import { readFlags } from './whole-file.js';

/** Answers a peer from the files as they stand. The peer checks every hash: a file that changed meanwhile is no answer. */
export function readContents(
  context: FolderContext,
  requests: readonly ContentRequest[],
): readonly (Uint8Array | null)[] {
  const bytes = requests.reduce((sum, { length }) => sum + length, 0);
  if (requests.length > contentItemsMax || bytes > contentBytesMax)
    throw new SyncError('USYNC-1507', `A question asks for ${bytes} bytes in ${requests.length} pieces.`);
  const whole = takeBytes(bytes);
  const standing = standingOf(context, requests);
  let used = 0;
  const pieces = context.root.together(() =>
    requests.map(({ version, part, offset, length }) => {
      if (part === 'content') {
        const into = whole.subarray(used, (used += length));
        return readLocal(context, version, { offset, into, ...standing(version) }) ? into : null;
      }
      const list = context.table.contents.list(version);
      return list === null ? null : list.slice(offset, offset + length);
    }),
  );
  // "It is not here" is a word that others rely on.
  const [only] = requests;
  if (only !== undefined && pieces.length === 1 && pieces[0] === null && isHeld(context, only.version))
    throw new SyncError('USYNC-1703', 'The content is here and cannot be read at the moment.');
  return pieces;
}

/** Asked once for all that is not open already. */
function standingOf(
  { table, handles }: FolderContext,
  requests: readonly ContentRequest[],
): (version: EntryVersion) => Pick<Reading, 'standing'> {
  const wanted = requests.flatMap(({ version, part }) =>
    part === 'content' && !handles.has(version) ? [version] : [],
  );
  if (wanted.length < 2) return () => ({});
  const asked = new Set(wanted);
  const found = table.disk.holdingAny(wanted);
  return (version) => (asked.has(version) ? { standing: found.get(version) ?? [] } : {});
}

/** Whether a version is said to be on this disk, readable or not. */
export const isHeld = (context: FolderContext, version: EntryVersion): boolean =>
  context.table.disk.holding(version).length > 0 ||
  context.table.history.holding(version).some((record) => isInHistory(context, record));

/** Of what stands in the folder a scan knows better soon; no scan looks at the history, from which a disk may lose files. */
function isInHistory({ root }: FolderContext, { file, size }: HistoryRecord): boolean {
  const look = root.at(`${historyFolder}/${file}`, (place) => lookAt(root.disk, place));
  return look.kind === 'unknown' || (look.kind === 'file' && look.size === size);
}

/** As many bytes of a content from there as fit. */
export interface Reading {
  readonly offset: number;
  readonly into: Uint8Array;
  /** Where the version stands, if that was found out a moment ago. */
  readonly standing?: readonly string[];
}

/**
 * Bytes of a version from any place on this disk where it is said to be; unchecked. False when none has them: then what
 * was read into is of no use.
 */
export function readLocal(context: FolderContext, version: EntryVersion, reading: Reading): boolean {
  if (context.handles.read(version, reading)) return true;
  for (const path of placesOf(context, version, reading.standing))
    if (readRange(context, path, { version, reading })) return true;
  return false;
}

/** Surest first: a file that outgrew the version begins with it only if it was appended to, not written anew. */
function* placesOf(
  { table, outgrown }: FolderContext,
  version: EntryVersion,
  standing: readonly string[] = table.disk.holding(version),
): Generator<string> {
  yield* standing;
  for (const { file } of table.history.holding(version)) yield `${historyFolder}/${file}`;
  const longer = outgrown.get(version);
  if (longer !== undefined) yield longer;
}

interface Piece {
  readonly version: EntryVersion;
  readonly reading: Reading;
}

function readRange(
  { root, protectedFiles, handles }: FolderContext,
  path: string,
  { version, reading: { offset, into } }: Piece,
): boolean {
  const { disk } = root;
  let handle: number;
  try {
    handle = root.at(path, (place) => {
      if (protectedFiles.isProtectedFile(place)) throw new Error('a database of this process');
      return disk.open(place, readFlags);
    });
  } catch {
    // It was moved or cannot be read: another place may have it.
    return false;
  }
  let isKept = false;
  try {
    if (!disk.statsOf(handle).isFile()) return false;
    if (!readWhole({ disk, handle }, into, offset)) return false;
    isKept = version.startsWith('m:');
    if (isKept) handles.keep(version, handle);
    return true;
  } catch {
    return false;
  } finally {
    if (!isKept) disk.close(handle);
  }
}

/** Bytes of a chunk from any content on this disk that holds it; unchecked. */
export function readLocalChunk(context: FolderContext, chunk: Chunk, into: Uint8Array): boolean {
  const { contents } = context.table;
  const prefix = new DataView(chunk.hash.buffer, chunk.hash.byteOffset).getBigInt64(0);
  for (const { version, number } of contents.holdingChunk(prefix)) {
    const found = chunkOf(contents.list(version), number);
    if (found === null || found.length !== chunk.length) continue;
    if (readLocal(context, version, { offset: found.offset, into })) return true;
  }
  return false;
}

function chunkOf(list: Uint8Array | null, number: number): Omit<Chunk, 'hash'> | null {
  if (list === null) return null;
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  let offset = 0;
  for (let at = 0; at < number; at++) offset += view.getUint32(at * chunkRecordBytes);
  return { offset, length: view.getUint32(number * chunkRecordBytes) };
}
