import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FolderHistoryConfig } from './config/config.js';
import { localEntryTables } from './databases/sqlite/entries/entry-schema.js';
import { openSqliteEntryTable } from './databases/sqlite/entries/sqlite-entry-table.js';
import { createWorkerReplica } from './databases/sqlite/worker/worker-replica.js';
import type { Replica, ReplicaWork } from './databases/replica.js';
import type { ReplicaOptions } from './engine/engine.js';
import type { FolderNews } from './files/folder-news.js';
import { createFolderReplica } from './files/folder-replica.js';
import type { Observe } from './observe/event.js';
import { createWorkerFolder } from './worker-folder.js';

/** A folder dataset: its table of entries in the data folder, the replica of that table, and the disk's side. */
export function openFolder(folder: string, options: ReplicaOptions): Replica {
  const { dataset, identity, dataFolder, observe, contentPeers, databases } = options;
  const { name, ignore = [], history = historyDefault } = dataset;
  const statePath = join(dataFolder, 'folders', `${encodeURIComponent(name)}.db`);
  mkdirSync(join(dataFolder, 'folders'), { recursive: true, mode: 0o700 });
  // The replica opens what is there: a new dataset has its tables before.
  openSqliteEntryTable(statePath).close();
  const entries = createWorkerReplica({
    path: statePath,
    dataset: name,
    identity,
    observe,
    dataFolder,
    spoolFolder: join(dataFolder, 'spool', encodeURIComponent(name)),
    tables: Object.fromEntries(localEntryTables.map((table) => [table, { exclude: true }])),
    pace: { landing: dataset.landing, polite: false },
  });
  const hints = new Set<() => void>();
  const scanning = createWorkSource();
  const work = createWorkerFolder({
    data: {
      statePath,
      dataset: name,
      path: folder,
      author: identity.serverName,
      ignore,
      protectedPaths: { databases, folders: [dataFolder] },
      history,
      settleMs,
      rescanMs,
    },
    peers: contentPeers,
    onCaptured: () => {
      for (const hint of hints) hint();
    },
    onNews: (news) => tellNews(news, { dataset: name, observe }),
    onWork: (told) => scanning.tell(told),
  });
  return createFolderReplica({
    entries: {
      ...entries,
      onHint: (listener) => hintBoth(entries, hints, listener),
      onWork: (listener) => followBoth(entries, scanning, listener),
    },
    work,
    localTables: localEntryTables,
  });
}

/** What the disk's side captured is told at once, not when the database is seen to have changed. */
function hintBoth(entries: Replica, hints: Set<() => void>, listener: () => void): () => void {
  const forget = entries.onHint(listener);
  hints.add(listener);
  return () => {
    forget();
    hints.delete(listener);
  };
}

interface NewsPlace {
  readonly dataset: string;
  readonly observe: Observe;
}

function tellNews(news: FolderNews, { dataset, observe }: NewsPlace): void {
  switch (news.kind) {
    case 'conflicts':
      return observe('info', { ...news, dataset });
    case 'stopped': {
      const { code, text, nextStep } = news;
      return observe('warn', { kind: 'dataset-notice', dataset, code, text: `${text} ${nextStep}` });
    }
    case 'goes-on':
      return observe('info', { kind: 'dataset-notice', dataset, code: 'folder-goes-on', text: 'the folder goes on' });
  }
}

type WorkListener = (work: ReplicaWork | null) => void;

interface WorkSource {
  tell: WorkListener;
  readonly listeners: Set<WorkListener>;
}

function createWorkSource(): WorkSource {
  const listeners = new Set<WorkListener>();
  return {
    listeners,
    tell(work) {
      for (const listener of listeners) listener(work);
    },
  };
}

/** The disk's side and the table may work at once: what reads the disk takes longer, so it is told of first. */
function followBoth(entries: Replica, scanning: WorkSource, listener: WorkListener): () => void {
  let [ofDisk, ofTable]: (ReplicaWork | null)[] = [null, null];
  const tell = (): void => listener(ofDisk ?? ofTable ?? null);
  const scanned: WorkListener = (work) => {
    ofDisk = work;
    tell();
  };
  scanning.listeners.add(scanned);
  const forget = entries.onWork?.((work) => {
    ofTable = work;
    tell();
  });
  return () => {
    forget?.();
    scanning.listeners.delete(scanned);
  };
}

const historyDefault: FolderHistoryConfig = { daysMax: 30, versionsMax: 20, bytesMax: 10 * 1024 ** 3 };
/** Writers that take longer than this between two writes of one file are rare, and a person does not notice it. */
const settleMs = 25;
const rescanMs = 3_600_000;
