/** Brings the content of a version into a temporary file, whole, verified and durable: from this disk or from peers. */
import { constants } from 'node:fs';
import { chunkRecordBytes, decodeChunkList, type Chunk } from '../core/chunking/chunk-list.js';
import { isLargestChunk, singleChunkBytesMax } from '../core/chunking/chunk-size.js';
import { contentBytesMax, type ContentPeers, type ContentRequest } from '../core/content-request.js';
import type { EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { System } from '../system/system.js';
import { bytesVersion, isDatabase, listVersion, sha256 } from './content-hash.js';
import { readLocal, readLocalChunk } from './content-reader.js';
import type { FolderContext } from './folder-context.js';
import { temporaryFolder } from './state-folder.js';
import { removeIfThere, writeAll } from './whole-file.js';

export interface ContentGetter {
  /**
   * Resolves with the path of a temporary file that is the caller's to move. Rejects with `USYNC-1703` when nobody who
   * is connected has the content, and with `USYNC-1207` when the disk has no room; what came so far is kept.
   */
  get(version: EntryVersion, size: number): Promise<string>;
}

export function createContentGetter(context: FolderContext, peers: ContentPeers): ContentGetter {
  /** One at a time a version: the temporary file has its name. */
  const busy = new Map<EntryVersion, Promise<unknown>>();
  const fetcher = createFetcher(peers, context.system);
  return {
    async get(version, size) {
      while (busy.has(version)) await busy.get(version)?.catch(() => undefined);
      const work = version.startsWith('f:')
        ? getSmall(context, fetcher, { version, size })
        : getLarge(context, fetcher, { version, size });
      busy.set(version, work);
      try {
        return await work;
      } finally {
        busy.delete(version);
      }
    },
  };
}

interface Wanted {
  readonly version: EntryVersion;
  readonly size: number;
}

async function getSmall(context: FolderContext, fetcher: Fetcher, { version, size }: Wanted): Promise<string> {
  const isGood = (bytes: Uint8Array | null): bytes is Uint8Array => bytes !== null && bytesVersion(bytes) === version;
  if (size > singleChunkBytesMax) throw wrongContent(version);
  let bytes = readLocal(context, version, { offset: 0, length: size });
  if (!isGood(bytes))
    bytes = size === 0 ? new Uint8Array() : await fetcher({ version, part: 'content', offset: 0, length: size });
  if (!isGood(bytes)) throw wrongContent(version);
  refuseDatabase(bytes);
  makeRoom(context, size);
  const path = temporaryPath(version);
  const { disk } = context.root;
  const handle = context.root.at(path, (place) => {
    removeIfThere(disk, place);
    return disk.open(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  });
  try {
    writeAll(disk, handle, { bytes, offset: 0 });
    await disk.syncContent(handle);
  } finally {
    disk.close(handle);
  }
  return path;
}

async function getLarge(context: FolderContext, fetcher: Fetcher, { version, size }: Wanted): Promise<string> {
  const list = await getList(context, fetcher, version);
  const chunks = decodeChunkList(list, size);
  const path = temporaryPath(version);
  const { disk } = context.root;
  const handle = context.root.at(path, (place) =>
    disk.open(place, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
  );
  try {
    const held = Number(disk.statsOf(handle).size);
    makeRoom(context, chunks.reduce((sum, chunk) => sum + (isHole(chunk) ? 0 : chunk.length), 0) - held);
    await fill({ context, fetcher, version, handle, held }, chunks);
    disk.truncate(handle, size);
    await disk.syncContent(handle);
  } finally {
    disk.close(handle);
  }
  return path;
}

async function getList(context: FolderContext, fetcher: Fetcher, version: EntryVersion): Promise<Uint8Array> {
  const { contents } = context.table;
  const known = contents.list(version);
  if (known !== null) return known;
  // Its length is not known: it is asked for piece by piece until the hash of all is the version.
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < listBytesMax;) {
    const piece = await fetcher({ version, part: 'list', offset, length: listPieceBytes }, true);
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
}

async function fill(filling: Filling, chunks: readonly Chunk[]): Promise<void> {
  const { context, handle } = filling;
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
        const bytes = await fetchChunk(filling, chunk);
        if (chunk.offset === 0) refuseDatabase(bytes);
        writeAll(context.root.disk, handle, { bytes, offset: chunk.offset });
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

function isHeld({ context, handle, held }: Filling, { hash, offset, length }: Chunk): boolean {
  if (offset + length > held) return false;
  const bytes = Buffer.allocUnsafe(length);
  return context.root.disk.read(handle, bytes, offset) === length && sha256(bytes).equals(hash);
}

function copyLocal({ context, version, handle }: Filling, chunk: Chunk): boolean {
  for (const bytes of [readLocal(context, version, chunk), readLocalChunk(context, chunk)]) {
    if (bytes === null || !sha256(bytes).equals(chunk.hash)) continue;
    if (chunk.offset === 0) refuseDatabase(bytes);
    writeAll(context.root.disk, handle, { bytes, offset: chunk.offset });
    return true;
  }
  return false;
}

async function fetchChunk({ fetcher, version }: Filling, chunk: Chunk): Promise<Uint8Array> {
  const pieces: Promise<Uint8Array>[] = [];
  for (let offset = 0; offset < chunk.length; offset += contentBytesMax) {
    const length = Math.min(contentBytesMax, chunk.length - offset);
    pieces.push(fetcher({ version, part: 'content', offset: chunk.offset + offset, length }));
  }
  const bytes = Buffer.concat(await Promise.all(pieces));
  if (!sha256(bytes).equals(chunk.hash)) throw wrongContent(version);
  return bytes;
}

/** One piece, asked together with others that are wanted at the same moment. `isShort`: fewer bytes are an answer too. */
type Fetcher = (request: ContentRequest, isShort?: boolean) => Promise<Uint8Array>;

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
  const ask = async (batch: readonly Wish[]): Promise<void> => {
    open.add(batch);
    try {
      const answers = await peers.fetch(batch.map(({ request }) => request));
      for (const [index, { request, isShort, resolve, reject }] of batch.entries()) {
        const bytes = answers[index] ?? null;
        if (bytes === null || (!isShort && bytes.length !== request.length)) reject(noPeerHas(request.version));
        else resolve(bytes);
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
  return (request, isShort = false) =>
    new Promise((resolve, reject) => {
      wishes.push({ request, isShort, resolve, reject });
      // What is wished for in this turn goes out together.
      if (wishes.length === 1) void system.pause().then(pump);
    });
}

function takeBatch(wishes: Wish[]): Wish[] {
  const batch: Wish[] = [];
  let bytes = 0;
  for (let wish = wishes[0]; wish && batch.length < itemsMax; wish = wishes[0]) {
    if (batch.length > 0 && bytes + wish.request.length > contentBytesMax) break;
    bytes += wish.request.length;
    batch.push(wish);
    wishes.shift();
  }
  return batch;
}

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
