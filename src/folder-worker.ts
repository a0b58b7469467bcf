/** The worker thread of one folder: scanning, hashing and placing, so that no connection waits for a disk. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ContentRequest } from './core/content-request.js';
import { giveSpare } from './core/spare-buffers.js';
import { openSqliteEntryTable } from './databases/sqlite/entries/sqlite-entry-table.js';
import { createFolderSide } from './files/folder-side.js';
import type { FolderSideOptions } from './files/folder-side-contract.js';
import {
  buffersOf,
  errorOf,
  failureOf,
  sparesFor,
  type FolderMethod,
  type MessageFromFolder,
  type MessageToFolder,
} from './folder-messages.js';
import { createRealDisk } from './system/real-disk.js';
import { hashAside } from './system/hash-aside.js';
import { createRealSystem } from './system/real-system.js';

/** What the worker is told at its start. */
export interface FolderWorkerData extends Omit<
  FolderSideOptions,
  'table' | 'peers' | 'system' | 'disk' | 'hashAside' | 'onCaptured' | 'onNews' | 'onWork'
> {
  readonly statePath: string;
}

interface Waiting {
  readonly resolve: (answer: Extract<MessageToFolder, { kind: 'fetched' | 'nowhere' }>) => void;
  readonly reject: (error: unknown) => void;
}

const { statePath, ...options } = workerData as FolderWorkerData;
const fetches = new Map<number, Waiting>();
let lastFetch = 0;

const post = (message: MessageFromFolder, transfer: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, [...transfer]);

const ask = (
  question: (id: number) => MessageFromFolder,
  transfer: readonly ArrayBuffer[] = [],
): Promise<Parameters<Waiting['resolve']>[0]> =>
  new Promise((resolve, reject) => {
    const id = ++lastFetch;
    fetches.set(id, { resolve, reject });
    post(question(id), transfer);
  });

const table = openSqliteEntryTable(statePath);
const side = createFolderSide({
  ...options,
  table,
  system: createRealSystem(),
  disk: createRealDisk(),
  hashAside,
  onCaptured: () => post({ kind: 'captured' }),
  onNews: (news) => post({ kind: 'news', news }),
  onWork: (work) => post({ kind: 'work', work }),
  peers: {
    async fetch(requests) {
      const spares = sparesFor(requests);
      const fetched = await ask((id) => ({ kind: 'fetch', id, requests, spares }), spares);
      return fetched.kind === 'fetched' ? fetched.pieces : requests.map(() => null);
    },
    async isNowhere(request) {
      const told = await ask((id) => ({ kind: 'seek', id, request }));
      return told.kind === 'nowhere' && told.isNowhere;
    },
  },
});

parentPort?.on('message', (message: MessageToFolder) => {
  if (message.kind === 'call') void answer(message);
  else {
    const waiting = fetches.get(message.id);
    fetches.delete(message.id);
    if (message.kind === 'not-fetched') waiting?.reject(errorOf(message.failure));
    else waiting?.resolve(message);
  }
});

async function answer({ id, method, args, spares }: Extract<MessageToFolder, { kind: 'call' }>): Promise<void> {
  for (const spare of spares) giveSpare(spare);
  try {
    const result = await perform(method, args);
    post({ kind: 'answer', id, result }, method === 'read' ? buffersOf(result as (Uint8Array | null)[]) : []);
  } catch (error) {
    post({ kind: 'failure', id, failure: failureOf(error) });
  }
}

async function perform(method: FolderMethod, args: readonly unknown[]): Promise<unknown> {
  if (method === 'read') return side.read(...(args as [readonly ContentRequest[]]));
  if (method === 'close') {
    await side.close();
    table.close();
    return undefined;
  }
  // The caller is typed by the same contract, so the arguments fit the method.
  return (side[method] as (...given: readonly unknown[]) => unknown)(...args);
}
