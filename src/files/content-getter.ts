/** Brings the content of a version into a temporary file, whole, verified and durable: from this disk or from peers. */
import { constants } from 'node:fs';
import { chunkRecordBytes, decodeChunkList, type Chunk } from '../core/chunking/chunk-list.js';
import { isLargestChunk, singleChunkBytesMax } from '../core/chunking/chunk-size.js';
import { contentBytesMax, type ContentPeers, type ContentRequest } from '../core/content-request.js';
import type { Entry, EntryVersion } from '../core/entry.js';
import { giveSpare } from '../core/spare-buffers.js';
import { SyncError } from '../core/sync-error.js';
import { codeOf, type Disk } from '../system/disk.js';
import type { System } from '../system/system.js';
import { createContentFlusher, type ContentFlusher } from './content-flusher.js';
import { bytesVersion, isDatabase, listVersion, sha256 } from './content-hash.js';
import { readLocal, readLocalChunk } from './content-reader.js';
import type { FolderContext } from './folder-context.js';
import { temporaryFolder } from './state-folder.js';
import { setAttributes, writeAll } from './whole-file.js';

export interface ContentGetter {
  /**
   * Resolves with the path of a temporary file that is the caller's to move. Rejects with `USYNC-1703` when nobody who
   * is connected has the content, and with `USYNC-1207` when the disk has no room; what came so far is kept.
   */
  get(wanted: WantedContent): Promise<ReadyContent>;
}

export type WantedContent = Pick<Entry, 'path' | 'version' | 'size' | 'mode' | 'mtime'>;

export interface ReadyContent {
  readonly path: string;
  /** Mode and time are those that were asked for. */
  readonly hasAttributes: boolean;
}

export function createContentGetter(context: FolderContext, peers: ContentPeers): ContentGetter {
  /** Large ones: one at a time a version, as the temporary file has its name. */
  const busy = new Map<EntryVersion, Promise<unknown>>();
  const fetcher = createFetcher(peers, context.system);
  return {
    async get(wanted) {
      const { version } = wanted;
      if (version.startsWith('f:')) return getSmall(context, fetcher, wanted);
      while (busy.has(version)) await busy.get(version)?.catch(() => undefined);
      const work = getLarge(context, fetcher, wanted);
      busy.set(version, work);
      try {
        return await work;
      } finally {
        busy.delete(version);
      }
    },
  };
}

async function getSmall(context: FolderContext, fetcher: Fetcher, wanted: WantedContent): Promise<ReadyContent> {
  const { version, size } = wanted;
  const isGood = (bytes: Uint8Array | null): bytes is Uint8Array => bytes !== null && bytesVersion(bytes) === version;
  if (size > singleChunkBytesMax) throw wrongContent(version);
  const into = new Uint8Array(size);
  let bytes: Uint8Array | null = readLocal(context, version, { offset: 0, into }) ? into : null;
  if (!isGood(bytes))
    bytes = size === 0 ? new Uint8Array() : await fetcher.get({ version, part: 'content', offset: 0, length: size });
  if (!isGood(bytes)) throw wrongContent(version);
  refuseDatabase(bytes);
  makeRoom(context, size);
  // One for each entry: two of one content may differ in mode and time.
  const path = `${temporaryFolder}/f-${sha256(Buffer.from(`${wanted.path}\0${version}`)).toString('base64url')}`;
  const { disk } = context.root;
  const handle = context.root.at(path, (place) => createAnew(disk, place));
  try {
    writeAll(disk, handle, { bytes, offset: 0 });
    if (bytes !== into) fetcher.done(bytes);
    setAttributes(disk, handle, wanted);
    await disk.syncContent(handle);
  } finally {
    disk.close(handle);
  }
  return { path, hasAttributes: true };
}

/** What an earlier try left is rare, so it is not looked for before. */
function createAnew(disk: Disk, place: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return disk.open(place, flags, 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    disk.removeFile(place);
    return disk.open(place, flags, 0o600);
  }
}

async function getLarge(
  context: FolderContext,
  fetcher: Fetcher,
  { version, size }: WantedContent,
): Promise<ReadyContent> {
  const list = await getList(context, fetcher, version);
  const chunks = decodeChunkList(list, size);
  const path = temporaryPath(version);
  const { disk } = context.root;
  const handle = context.root.at(path, (place) =>
    disk.open(place, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
  );
  const flusher = createContentFlusher(disk, handle);
  try {
    const held = Number(disk.statsOf(handle).size);
    makeRoom(context, chunks.reduce((sum, chunk) => sum + (isHole(chunk) ? 0 : chunk.length), 0) - held);
    const scratch = createScratch(chunks);
    await fill({ context, fetcher, version, handle, held, flusher, scratch }, chunks);
    disk.truncate(handle, size);
    await flusher.finish();
  } finally {
    await flusher.rest();
    disk.close(handle);
  }
  return { path, hasAttributes: false };
}

async function getList(context: FolderContext, fetcher: Fetcher, version: EntryVersion): Promise<Uint8Array> {
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
  readonly fetcher: Fetcher;
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

interface Fetcher {
  /** One piece, asked together with others that are wanted at the same moment. `isShort`: fewer bytes are an answer too. */
  get(request: ContentRequest, isShort?: boolean): Promise<Uint8Array>;
  /** Nobody uses the bytes any more. Where it is not said of all that came together, they are collected. */
  done(bytes: Uint8Array): void;
}

interface Wish {
  readonly request: ContentRequest;
  readonly isShort: boolean;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Questions under way at once. */
const questionsMax = 24;
const itemsMax = 128;

function createFetcher(peers: ContentPeers, system: System): Fetcher {
  const wishes: Wish[] = [];
  const open = new Set<readonly Wish[]>();
  /** How many pieces in a buffer are in use. */
  const used = new WeakMap<ArrayBufferLike, number>();
  const ask = async (batch: readonly Wish[]): Promise<void> => {
    open.add(batch);
    try {
      const answers = await peers.fetch(batch.map(({ request }) => request));
      for (const [index, { request, isShort, resolve, reject }] of batch.entries()) {
        const bytes = answers[index] ?? null;
        if (bytes === null || (!isShort && bytes.length !== request.length)) reject(noPeerHas(request.version));
        else {
          used.set(bytes.buffer, (used.get(bytes.buffer) ?? 0) + 1);
          resolve(bytes);
        }
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      open.delete(batch);
      pump();
    }
  };
  const pump = (): void => {
    while (open.size < questionsMax && wishes.length > 0) void ask(takeBatch(wishes));
  };
  return {
    get: (request, isShort = false) =>
      new Promise((resolve, reject) => {
        wishes.push({ request, isShort, resolve, reject });
        // What is wished for in this turn goes out together.
        if (wishes.length === 1) void system.pause().then(pump);
      }),
    done({ buffer }) {
      const left = (used.get(buffer) ?? 0) - 1;
      used.set(buffer, left);
      if (left === 0) giveSpare(buffer);
    },
  };
}

/** The first wish, and what of the next ones fits beside it: ends of chunks fill questions that would be half empty. */
function takeBatch(wishes: Wish[]): Wish[] {
  const batch: Wish[] = [];
  let bytes = 0;
  for (let at = 0; at < Math.min(wishes.length, lookedAheadMax) && batch.length < itemsMax;) {
    const wish = wishes[at];
    if (wish === undefined || (batch.length > 0 && bytes + wish.request.length > contentBytesMax)) {
      at++;
      continue;
    }
    bytes += wish.request.length;
    batch.push(wish);
    wishes.splice(at, 1);
  }
  return batch;
}

const lookedAheadMax = 256;

/** Room is left for everyone else on the disk. */
function makeRoom({ root }: FolderContext, bytes: number): void {
  const { free, total } = root.disk.space(root.realPath);
  const reserve = Math.min(512 * 1024 * 1024, total / 100);
  if (free - reserve < bytes)
    throw new SyncError('USYNC-1207', `The disk of ${root.realPath} has no room for ${bytes} bytes.`);
}

/** The other side should not have sent it: a database as a file would be torn from its companions and locks. */
function refuseDatabase(bytes: Uint8Array): void {
  if (isDatabase(bytes.subarray(0, 16)))
    throw new SyncError('USYNC-1703', 'It is a SQLite database, which is never placed as a file.');
}

const temporaryPath = (version: EntryVersion): string => `${temporaryFolder}/${version.replace(':', '-')}`;

const noPeerHas = (version: EntryVersion): SyncError =>
  new SyncError('USYNC-1703', 'No connected server has the content.', { facts: { version } });

const wrongContent = (version: EntryVersion): SyncError =>
  new SyncError('USYNC-1703', 'What was received is not the content that was asked for.', { facts: { version } });
