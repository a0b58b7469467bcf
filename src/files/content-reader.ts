import { chunkRecordBytes, type Chunk } from '../core/chunking/chunk-list.js';
import { contentBytesMax, contentItemsMax, type ContentRequest } from '../core/content-request.js';
import type { EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import { readWhole } from './content-hash.js';
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
  const pieces = context.root.together(() =>
    requests.map(({ version, part, offset, length }) => {
      if (part === 'content') return readLocal(context, version, { offset, length });
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

/** Whether a version is said to be on this disk, readable or not. */
export const isHeld = ({ table }: FolderContext, version: EntryVersion): boolean =>
  table.disk.holding(version).length > 0 || table.history.holding(version).length > 0;

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Bytes of a version from any place on this disk where it is said to be; unchecked. */
export function readLocal(context: FolderContext, version: EntryVersion, range: Range): Uint8Array | null {
  const kept = context.handles.read(version, range);
  if (kept !== null) return kept;
  for (const path of placesOf(context, version)) {
    const bytes = readRange(context, path, { version, range });
    if (bytes !== null) return bytes;
  }
  return null;
}

/** Surest first: a file that outgrew the version begins with it only if it was appended to, not written anew. */
const placesOf = ({ table, outgrown }: FolderContext, version: EntryVersion): string[] => [
  ...table.disk.holding(version),
  ...table.history.holding(version).map(({ file }) => `${historyFolder}/${file}`),
  ...(outgrown.has(version) ? [outgrown.get(version) ?? ''] : []),
];

interface Piece {
  readonly version: EntryVersion;
  readonly range: Range;
}

function readRange(
  { root, protectedFiles, handles }: FolderContext,
  path: string,
  { version, range: { offset, length } }: Piece,
): Uint8Array | null {
  const { disk } = root;
  let handle: number;
  try {
    handle = root.at(path, (place) => {
      if (protectedFiles.isProtectedFile(place)) throw new Error('a database of this process');
      return disk.open(place, readFlags);
    });
  } catch {
    // It was moved or cannot be read: another place may have it.
    return null;
  }
  let isKept = false;
  try {
    if (!disk.statsOf(handle).isFile()) return null;
    const bytes = new Uint8Array(length);
    if (!readWhole({ disk, handle }, bytes, offset)) return null;
    isKept = version.startsWith('m:');
    if (isKept) handles.keep(version, handle);
    return bytes;
  } catch {
    return null;
  } finally {
    if (!isKept) disk.close(handle);
  }
}

/** Bytes of a chunk from any content on this disk that holds it; unchecked. */
export function readLocalChunk(context: FolderContext, chunk: Chunk): Uint8Array | null {
  const { contents } = context.table;
  const prefix = new DataView(chunk.hash.buffer, chunk.hash.byteOffset).getBigInt64(0);
  for (const { version, number } of contents.holdingChunk(prefix)) {
    const found = chunkOf(contents.list(version), number);
    if (found === null || found.length !== chunk.length) continue;
    const bytes = readLocal(context, version, found);
    if (bytes !== null) return bytes;
  }
  return null;
}

function chunkOf(list: Uint8Array | null, number: number): Range | null {
  if (list === null) return null;
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  let offset = 0;
  for (let at = 0; at < number; at++) offset += view.getUint32(at * chunkRecordBytes);
  return { offset, length: view.getUint32(number * chunkRecordBytes) };
}
