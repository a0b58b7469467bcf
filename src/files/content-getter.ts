/** Brings the content of a version into a temporary file, whole, verified and durable: from this disk or from peers. */
import { constants } from 'node:fs';
import { chunkRecordBytes, decodeChunkList, type Chunk } from '../core/chunking/chunk-list.js';
import { isLargestChunk, singleChunkBytesMax } from '../core/chunking/chunk-size.js';
import { contentBytesMax, type ContentPeers } from '../core/content-request.js';
import type { Entry, EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { Disk } from '../system/disk.js';
import { randomHex } from '../system/random.js';
import { createContentFetcher, type ContentFetcher } from './content-fetcher.js';
import { createContentFlusher, type ContentFlusher } from './content-flusher.js';
import { bytesVersion, isDatabase, listVersion, sha256 } from './content-hash.js';
import { readLocal, readLocalChunk } from './content-reader.js';
import type { FolderContext } from './folder-context.js';
import { removeQuietly, temporaryFolder } from './state-folder.js';
import {
  createTemporaryFiles,
  isContentWanted,
  roomFor,
  shareTemporary,
  type TemporaryFiles,
} from './temporary-files.js';
import { setAttributes, writeAll } from './whole-file.js';

export interface ContentGetter {
  /**
   * Resolves with the path of a temporary file that is the caller's to move. Rejects with `USYNC-1703` when nobody who
   * is connected has the content, and with `USYNC-1207` when the disk has no room; what came so far is kept.
   */
  get(wanted: WantedContent): Promise<ReadyContent>;
  /** What was not placed after all: a later `get` goes on with it. */
  giveBack(content: ReadyContent): void;
  /** Removes what has come of contents that no entry has any more. */
  tidy(): void;
}

export interface WantedContent extends Pick<Entry, 'path' | 'version' | 'size' | 'mode' | 'mtime'> {
  /** Whether it may stand on this disk; if not, it is not looked for there. */
  readonly isHere: boolean;
}

export interface ReadyContent {
  readonly path: string;
  /** Mode and time are those that were asked for. */
  readonly hasAttributes: boolean;
}

export function createContentGetter(context: FolderContext, peers: ContentPeers): ContentGetter {
  /** Large ones: one at a time a version, as the temporary file has its name. */
  const busy = new Map<EntryVersion, Promise<unknown>>();
  /** Large ones that were begun, and may have left something in the temporary folder. */
  const begun = new Set<EntryVersion>();
  const fetcher = createContentFetcher(peers, context.system);
  const files = createTemporaryFiles(context.root);
  return {
    async get(wanted) {
      const { version } = wanted;
      if (version.startsWith('f:')) return files.during(() => getSmall({ context, fetcher, files }, wanted));
      while (busy.has(version)) await busy.get(version)?.catch(() => undefined);
      const work = getLarge(context, fetcher, wanted);
      busy.set(version, work);
      begun.add(version);
      try {
        return await work;
      } finally {
        busy.delete(version);
      }
    },
    giveBack({ path, hasAttributes }) {
      if (!hasAttributes) shareTemporary(context.root, path);
    },
    tidy() {
      for (const version of begun) {
        if (busy.has(version) || isContentWanted(context.table, version)) continue;
        removeQuietly(context.root, temporaryPath(version));
        begun.delete(version);
      }
    },
  };
}

interface SmallContents {
  readonly context: FolderContext;
  readonly fetcher: ContentFetcher;
  readonly files: TemporaryFiles;
}

async function getSmall({ context, fetcher, files }: SmallContents, wanted: WantedContent): Promise<ReadyContent> {
  const { version, size, isHere } = wanted;
  const isGood = (bytes: Uint8Array | null): bytes is Uint8Array => bytes !== null && bytesVersion(bytes) === version;
  if (size > singleChunkBytesMax) throw wrongContent(version);
  let bytes: Uint8Array | null = isHere ? readHere(context, version, size) : null;
  const isFetched = !isGood(bytes) && size > 0;
  if (isFetched) bytes = await fetcher.get({ version, part: 'content', offset: 0, length: size });
  bytes ??= new Uint8Array();
  // What was read here is checked already.
  if ((isFetched || size === 0) && !isGood(bytes)) throw wrongContent(version);
  refuseDatabase(bytes);
  // One for each entry: two of one content may differ in mode and time.
  const name = `f-${sha256(Buffer.from(`${wanted.path}\0${version}`)).toString('base64url')}`;
  const { disk } = context.root;
  const handle = files.create(name, size);
  try {
    writeAll(disk, handle, { bytes, offset: 0 });
    if (isFetched) fetcher.done(bytes);
    setAttributes(disk, handle, wanted);
    await disk.syncContent(handle);
  } finally {
    disk.close(handle);
  }
  return { path: `${temporaryFolder}/${name}`, hasAttributes: true };
}

function readHere(context: FolderContext, version: EntryVersion, size: number): Uint8Array | null {
  const into = new Uint8Array(size);
  return readLocal(context, version, { offset: 0, into }) ? into : null;
}

async function getLarge(
  context: FolderContext,
  fetcher: ContentFetcher,
  { version, size }: WantedContent,
): Promise<ReadyContent> {
  const list = await getList(context, fetcher, version);
  const chunks = decodeChunkList(list, size);
  const path = temporaryPath(version);
  const { disk } = context.root;
  const handle = context.root.at(path, (place) => openPartial(disk, place));
  const flusher = createContentFlusher(disk, handle);
  try {
    const held = Number(disk.statsOf(handle).size);
    roomFor(context.root, chunks.reduce((sum, chunk) => sum + (isHole(chunk) ? 0 : chunk.length), 0) - held);
    const scratch = createScratch(chunks);
    await fill({ context, fetcher, version, handle, held, flusher, scratch }, chunks);
    if (Number(disk.statsOf(handle).size) !== size) disk.truncate(handle, size);
    await flusher.finish();
  } finally {
    await flusher.rest();
    disk.close(handle);
  }
  // Under a name of its own: once it is placed it is a file of the application, and nobody may open it as a temporary one.
  const own = ownPath(context, version);
  context.root.at(path, (from) => context.root.at(own, (to) => disk.rename(from, to)));
  return { path: own, hasAttributes: false };
}

/** What an earlier try left goes on, unless it is a file of the application by now: that has another name. */
function openPartial(disk: Disk, place: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = disk.open(place, flags, 0o600);
  if (disk.statsOf(handle).nlink === 1n) return handle;
  disk.close(handle);
  disk.removeFile(place);
  return disk.open(place, flags | constants.O_EXCL, 0o600);
}

async function getList(context: FolderContext, fetcher: ContentFetcher, version: EntryVersion): Promise<Uint8Array> {
  const { contents } = context.table;
  const known = contents.list(version);
  if (known !== null) return known;
  // Its length is not known: it is asked for piece by piece until the hash of all is the version.
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < listBytesMax;) {
    const piece = await fetcher.get({ version, part: 'list', offset, length: listPieceBytes }, true);
    if (piece.length === 0) break;
    pieces.push(piece);
    offset += piece.length;
    if (piece.length < listPieceBytes) break;
  }
  const list = Buffer.concat(pieces);
  if (listVersion(list) !== version) throw wrongContent(version);
  contents.putList(version, list);
  return list;
}

/** A whole number of records. */
const listPieceBytes = chunkRecordBytes * 3_000;
const listBytesMax = 256 * 1024 * 1024;

interface Filling {
  readonly context: FolderContext;
  readonly fetcher: ContentFetcher;
  readonly version: EntryVersion;
  readonly handle: number;
  /** Bytes that an earlier try left in the file: chunks in them are checked before they are believed. */
  readonly held: number;
  readonly flusher: ContentFlusher;
  /** So many bytes to read into; the next call uses the same. */
  readonly scratch: (length: number) => Uint8Array;
}

function createScratch(chunks: readonly Chunk[]): Filling['scratch'] {
  let bytes: Uint8Array | null = null;
  return (length) => {
    bytes ??= new Uint8Array(chunks.reduce((max, chunk) => Math.max(max, chunk.length), 0));
    return bytes.subarray(0, length);
  };
}

async function fill(filling: Filling, chunks: readonly Chunk[]): Promise<void> {
  const { context, handle, flusher } = filling;
  const missing: Chunk[] = [];
  let sincePause = 0;
  for (const chunk of chunks) {
    const isHere = chunk.offset >= filling.held && isHole(chunk);
    if (!isHere && !isHeld(filling, chunk) && !copyLocal(filling, chunk)) missing.push(chunk);
    sincePause += chunk.length;
    if (sincePause > 4 * 1024 * 1024) {
      sincePause = 0;
      await context.system.pause();
    }
  }
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let chunk = missing[next++]; chunk; chunk = missing[next++]) {
      try {
        let { offset } = chunk;
        for (const bytes of await fetchChunk(filling, chunk)) {
          if (offset === 0) refuseDatabase(bytes);
          writeAll(context.root.disk, handle, { bytes, offset });
          offset += bytes.length;
          filling.fetcher.done(bytes);
        }
        flusher.written(chunk.length);
      } catch (error) {
        next = missing.length;
        throw error;
      }
    }
  };
  // All must have ended before the file may be closed.
  const ends = await Promise.allSettled(Array.from({ length: chunksAtOnce }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** With the largest chunks this is as much as a peer may be asked for at once. */
const chunksAtOnce = 16;

/** Zeros are what a file has where nothing was written: they are neither asked for nor written. */
function isHole({ hash, length }: Chunk): boolean {
  // Chunks of zeros have no border, so all but the last of a hole have one length.
  let zeros = zerosByLength.get(length);
  if (zeros === undefined && isLargestChunk(length)) zerosByLength.set(length, (zeros = sha256(Buffer.alloc(length))));
  return zeros?.equals(hash) ?? false;
}

const zerosByLength = new Map<number, Buffer>();

function isHeld({ context, handle, held, scratch }: Filling, { hash, offset, length }: Chunk): boolean {
  if (offset + length > held) return false;
  const bytes = scratch(length);
  return context.root.disk.read(handle, bytes, offset) === length && sha256(bytes).equals(hash);
}

function copyLocal({ context, version, handle, flusher, scratch }: Filling, chunk: Chunk): boolean {
  const bytes = scratch(chunk.length);
  const places = [
    (): boolean => readLocal(context, version, { offset: chunk.offset, into: bytes }),
    (): boolean => readLocalChunk(context, chunk, bytes),
  ];
  for (const read of places) {
    if (!read() || !sha256(bytes).equals(chunk.hash)) continue;
    if (chunk.offset === 0) refuseDatabase(bytes);
    writeAll(context.root.disk, handle, { bytes, offset: chunk.offset });
    flusher.written(chunk.length);
    return true;
  }
  return false;
}

/** The pieces of a chunk, which together are what its hash says. */
async function fetchChunk({ fetcher, version }: Filling, chunk: Chunk): Promise<readonly Uint8Array[]> {
  const pieces: Promise<Uint8Array>[] = [];
  for (let offset = 0; offset < chunk.length; offset += contentBytesMax) {
    const length = Math.min(contentBytesMax, chunk.length - offset);
    pieces.push(fetcher.get({ version, part: 'content', offset: chunk.offset + offset, length }));
  }
  const whole = await Promise.all(pieces);
  if (!sha256(...whole).equals(chunk.hash)) throw wrongContent(version);
  return whole;
}

/** The other side should not have sent it: a database as a file would be torn from its companions and locks. */
function refuseDatabase(bytes: Uint8Array): void {
  if (isDatabase(bytes.subarray(0, 16)))
    throw new SyncError('USYNC-1703', 'It is a SQLite database, which is never placed as a file.');
}

const temporaryPath = (version: EntryVersion): string => `${temporaryFolder}/${version.replace(':', '-')}`;

const ownPath = ({ system }: FolderContext, version: EntryVersion): string =>
  `${temporaryPath(version)}.${randomHex(system, 6)}`;

const wrongContent = (version: EntryVersion): SyncError =>
  new SyncError('USYNC-1703', 'What was received is not the content that was asked for.', { facts: { version } });
