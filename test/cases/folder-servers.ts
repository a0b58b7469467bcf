/** Servers with one folder dataset each, on real disks in one process. What a session does over the wire is done by hand. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, lstatSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ContentRequest } from '../../src/core/content-request.js';
import type { Epoch, ServerId } from '../../src/core/origin.js';
import type { EntryTable } from '../../src/databases/entry-table.js';
import type { Replica } from '../../src/databases/replica.js';
import { localEntryTables } from '../../src/databases/sqlite/entries/entry-schema.js';
import { openSqliteEntryTable } from '../../src/databases/sqlite/entries/sqlite-entry-table.js';
import { createSqliteReplica } from '../../src/databases/sqlite/sqlite-replica.js';
import { createFolderReplica, type FolderWork } from '../../src/files/folder-replica.js';
import { createFolderSide } from '../../src/files/folder-side.js';
import type { FolderSide, FolderSideOptions } from '../../src/files/folder-side-contract.js';
import { createRealDisk } from '../../src/system/real-disk.js';
import { hashAside } from '../../src/system/hash-aside.js';
import { createRealSystem } from '../../src/system/real-system.js';

export interface FolderServer {
  readonly name: string;
  /** The synced folder. */
  readonly root: string;
  readonly replica: Replica;
  readonly side: FolderSide;
  readonly table: EntryTable;
  /** Requests that peers answered, since the start. */
  readonly traffic: { bytes: number; questions: number };
  path(name: string): string;
  /** Everything that the application did is in the table. */
  capture(): Promise<void>;
  close(): Promise<void>;
}

export interface FolderGround {
  readonly folder: string;
  add(name: string, options?: Partial<FolderSideOptions>): Promise<FolderServer>;
  /** Closes a server and opens it again on the same folders. */
  restart(server: FolderServer, options?: Partial<FolderSideOptions>): Promise<FolderServer>;
}

export function folderGround(context: TestContext): FolderGround {
  const folder = mkdtempSync(join(tmpdir(), 'usync-folders-'));
  const servers = new Map<string, FolderServer>();
  context.after(async () => {
    for (const server of servers.values()) await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const add = async (name: string, options: Partial<FolderSideOptions> = {}): Promise<FolderServer> => {
    const server = await openServer(folder, { name, others: () => [...servers.values()], options });
    servers.set(name, server);
    return server;
  };
  return {
    folder,
    add,
    async restart(server, options) {
      await server.close();
      return add(server.name, options);
    },
  };
}

interface Opening {
  readonly name: string;
  readonly others: () => readonly FolderServer[];
  readonly options: Partial<FolderSideOptions>;
}

async function openServer(ground: string, { name, others, options }: Opening): Promise<FolderServer> {
  const root = join(ground, name);
  mkdirSync(root, { recursive: true });
  const system = createRealSystem();
  const state = join(ground, `${name}.db`);
  const table = openSqliteEntryTable(state);
  const traffic = { bytes: 0, questions: 0 };
  const side = createFolderSide({
    dataset: 'files',
    path: root,
    author: name,
    ignore: [],
    protectedPaths: { databases: [state], folders: [] },
    history: { daysMax: 30, versionsMax: 10, bytesMax: 1e9 },
    settleMs: 5,
    rescanMs: 3_600_000,
    table,
    peers: {
      async isNowhere(request) {
        const rest = others().filter((other) => other.name !== name);
        return fromOthers([request], rest)[0] === null;
      },
      fetch(requests) {
        traffic.questions++;
        const answers = fromOthers(
          requests,
          others().filter((other) => other.name !== name),
        );
        traffic.bytes += answers.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
        return Promise.resolve(answers);
      },
    },
    system,
    hashAside,
    disk: createRealDisk(),
    onCaptured: () => undefined,
    ...options,
  });
  const replica = createFolderReplica({
    entries: entriesReplica(state, name),
    work: workOf(side),
    localTables: localEntryTables,
  });
  await replica.open();
  return {
    name,
    root,
    replica,
    side,
    table,
    traffic,
    path: (file) => join(root, file),
    async capture() {
      await new Promise((resolve) => setTimeout(resolve, 60));
      await side.rescan();
      // What vanished counts when it is still gone a moment later.
      await new Promise((resolve) => setTimeout(resolve, 10));
      await side.rescan();
      // Of many at once more may follow.
      for (let round = 0; round < 200 && side.status().unsettled > 0; round++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        await side.settle();
      }
      while ((await replica.drain()).hasMore);
    },
    async close() {
      await replica.close();
      table.close();
    },
  };
}

const entriesReplica = (path: string, name: string): Replica =>
  createSqliteReplica({
    path,
    dataset: 'files',
    identity: {
      server: name.padEnd(16, 'a').slice(0, 16) as ServerId,
      serverName: name,
      freshEpoch: () =>
        Math.trunc(Math.random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0') as Epoch,
    },
    system: createRealSystem(),
    observe: () => undefined,
    tables: Object.fromEntries(localEntryTables.map((table) => [table, { exclude: true }])),
  });

export const workOf = (side: FolderSide): FolderWork => ({
  open: () => side.open(),
  onTable: () => side.onTable(),
  read: async (requests) => side.read(requests),
  meet: async (chunk) => side.meet(chunk),
  status: async () => side.status(),
  waiting: async (max) => side.waiting(max),
  leftOut: async (max) => side.leftOut(max),
  unportable: async (max) => side.unportable(max),
  missing: async (max) => side.missing(max),
  copies: async (max) => side.copies(max),
  conflicts: async (max) => side.conflicts(max),
  forgetConflicts: async (noticedBeforeMs) => side.forgetConflicts(noticedBeforeMs),
  conflictsForgotten: async () => side.conflictsForgotten(),
  history: async (request) => side.history(request),
  restore: (id) => side.restore(id),
  restoreCopy: (path) => side.restoreCopy(path),
  accept: () => side.accept(),
  putBack: () => side.putBack(),
  entries: (folder, max) => Promise.resolve(side.entries(folder, max)),
  files: (request) => Promise.resolve(side.files(request)),
  content: (request) => Promise.resolve(side.content(request)),
  write: (path, bytes) => side.write(path, bytes),
  remove: (path) => side.remove(path),
  close: () => side.close(),
});

function fromOthers(requests: readonly ContentRequest[], others: readonly FolderServer[]): (Uint8Array | null)[] {
  return requests.map((request) => {
    for (const { side } of others) {
      const bytes = readFrom(side, request);
      if (bytes) return bytes;
    }
    return null;
  });
}

/** Who cannot read at the moment has no answer. */
function readFrom(side: FolderSide, request: ContentRequest): Uint8Array | null {
  try {
    return side.read([request])[0] ?? null;
  } catch {
    return null;
  }
}

/** What `from` has and `to` lacks, the whole state at first contact. */
export async function send(from: FolderServer, to: FolderServer): Promise<void> {
  const { vector } = await to.replica.position();
  const read = await from.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
  if (read.needsSnapshot || (await to.replica.position()).isFresh) {
    const reader = await from.replica.openSnapshot();
    const writer = await to.replica.receiveSnapshot(reader.vector);
    for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) await writer.add(chunk);
    await reader.close();
    await writer.finish('measure');
  } else await to.replica.merge(read.parts);
}

/** Captures, exchanges and places until nothing moves any more. */
export async function settleAll(servers: readonly FolderServer[]): Promise<void> {
  for (let round = 0; round < 40; round++) {
    for (const server of servers) await server.capture();
    for (const from of servers) for (const to of servers) if (from !== to) await send(from, to);
    for (const server of servers) await server.side.settle();
    for (const server of servers) await server.capture();
    if (await isSettled(servers)) return;
  }
  const facts = servers.map(({ name, side, table }) => ({
    name,
    ...side.status(),
    waits: side.waiting(5),
    pending: table.rows.pending(5).map(({ path }) => path),
  }));
  throw new Error(`the servers did not come to rest: ${JSON.stringify(facts)}`);
}

async function isSettled(servers: readonly FolderServer[]): Promise<boolean> {
  const digests = await Promise.all(
    servers.map(async ({ replica }) =>
      JSON.stringify([...(await replica.proof()).digest].toSorted(([p], [q]) => byText(p, q))),
    ),
  );
  return new Set(digests).size === 1 && servers.every(({ side }) => side.status().pending === 0);
}

/** A tree as a person sees it: content, modes, links, empty folders; not what Universal Sync keeps in it. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder)).toSorted(byText)) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (path === '.usync-folder') continue;
      const stats = lstatSync(join(root, path));
      const mode = (stats.mode & 0o777).toString(8);
      if (stats.isDirectory()) {
        tree[`${path}/`] = mode;
        walk(path);
      } else if (stats.isSymbolicLink()) tree[path] = `-> ${readlinkSync(join(root, path))}`;
      else tree[path] = `${mode} ${readFileSync(join(root, path)).toString('latin1')}`;
    }
  };
  walk('');
  return tree;
}

export const byText = (a: string | undefined, b: string | undefined): number => ((a ?? '') < (b ?? '') ? -1 : 1);
