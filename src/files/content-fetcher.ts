import { contentBytesMax, type ContentPeers, type ContentRequest } from '../core/content-request.js';
import type { EntryVersion } from '../core/entry.js';
import { giveSpare } from '../core/spare-buffers.js';
import { SyncError } from '../core/sync-error.js';
import type { System } from '../system/system.js';

/** Asks peers for pieces of contents, many in one question. */
export interface ContentFetcher {
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
/** With as many under way, only what fills a question goes out: small files that are wished for one by one go together. */
const hastyMax = 2;
const itemsMax = 128;

export function createContentFetcher(peers: ContentPeers, system: System): ContentFetcher {
  const wishes: Wish[] = [];
  let bytesWished = 0;
  let isPumpDue = false;
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
    const isFull = (): boolean => bytesWished >= contentBytesMax || wishes.length >= itemsMax;
    while (open.size < questionsMax && wishes.length > 0 && (open.size < hastyMax || isFull())) {
      const batch = takeBatch(wishes);
      bytesWished -= bytesOf(batch);
      void ask(batch);
    }
  };
  const pumpSoon = async (): Promise<void> => {
    isPumpDue = true;
    await system.pause();
    isPumpDue = false;
    pump();
  };
  return {
    get: (request, isShort = false) =>
      new Promise((resolve, reject) => {
        wishes.push({ request, isShort, resolve, reject });
        bytesWished += request.length;
        // What is wished for in this turn goes out together.
        if (!isPumpDue) void pumpSoon();
      }),
    done({ buffer }) {
      const left = (used.get(buffer) ?? 0) - 1;
      used.set(buffer, left);
      if (left === 0) giveSpare(buffer);
    },
  };
}

const bytesOf = (wishes: readonly Wish[]): number => wishes.reduce((sum, { request }) => sum + request.length, 0);

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

const noPeerHas = (version: EntryVersion): SyncError =>
  new SyncError('USYNC-1703', 'No connected server has the content.', { facts: { version } });
