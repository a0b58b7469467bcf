import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tablesThatDiffer } from '../../../core/digest.js';
import type { Epoch, ServerId } from '../../../core/origin.js';
import { forksBetween, isEqualVector } from '../../../core/version-vector.js';
import { createRealSystem } from '../../../system/real-system.js';
import type { Fork, MergeOutcome } from '../../replica.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { createSqliteReplica, type SqliteReplica } from '../sqlite-replica.js';

/** For tests of forks: servers with real replicas, whose database files can be copied as backups and clones are. */
export interface ForkServer {
  readonly replica: SqliteReplica;
  readonly app: Connection;
  /** Writes as the application; captured at once. */
  write(sql: string): Promise<void>;
  /** Every row of every application table, as text, sorted. */
  dump(): Promise<string>;
}

export interface ForkScene {
  /** `copyOf`: with that server's database as it was at the last `backup`. */
  add(letter: string, copyOf?: ForkServer): Promise<ForkServer>;
  backup(server: ForkServer): Promise<void>;
  /** The same, with what the application has written and nobody has drained. */
  copyUndrained(server: ForkServer): Promise<void>;
  clear(): Promise<void>;
}

const system = createRealSystem();

export function createForkScene(schema: string): ForkScene {
  const root = mkdtempSync(join(tmpdir(), 'usync-forks-'));
  const sites = new Map<ForkServer, string>();
  let count = 0;
  const scene: ForkScene = {
    async add(letter, copyOf) {
      const path = join(root, `${letter}${count++}.db`);
      const from = copyOf && sites.get(copyOf);
      if (from !== undefined) copyFileSync(`${from}-backup`, path);
      const server = createServer(path, letter, copyOf ? '' : schema);
      sites.set(server, path);
      await server.replica.open();
      return server;
    },
    async backup(server) {
      await server.replica.drain();
      await scene.copyUndrained(server);
    },
    async copyUndrained(server) {
      const path = sites.get(server) ?? '';
      server.app.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      rmSync(`${path}-backup`, { force: true });
      server.app.exec(`VACUUM INTO '${path}-backup'`);
    },
    async clear() {
      for (const { replica, app } of sites.keys()) {
        await replica.close();
        app.close();
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
  return scene;
}

function createServer(path: string, letter: string, schema: string): ForkServer {
  const app = openConnection(path, { busyTimeoutMs: 5000 });
  app.exec('PRAGMA journal_mode = WAL');
  app.exec(schema);
  const freshEpoch = (): Epoch => Buffer.from(system.randomBytes(4)).toString('hex') as Epoch;
  const replica = createSqliteReplica({
    path,
    dataset: 'shop',
    system,
    observe: () => undefined,
    identity: { server: letter.repeat(16) as ServerId, serverName: letter, freshEpoch },
  });
  return {
    replica,
    app,
    async write(sql) {
      app.exec(sql);
      await replica.drain();
    },
    async dump() {
      const lines: string[] = [];
      for (const { name } of await replica.tables()) {
        const columns = app.prepare(`SELECT name FROM pragma_table_info('${name}')`).all();
        const line = columns.map(([column]) => `quote("${String(column)}")`).join(" || ' | ' || ");
        for (const [text] of app.prepare(`SELECT ${line} FROM "${name}"`).all()) lines.push(`${name}: ${String(text)}`);
      }
      return lines.toSorted().join('\n');
    },
  };
}

/** Both take what the other has, as a session would do it. Throws when they do not come to terms. */
export async function meet(a: ForkServer, b: ForkServer): Promise<void> {
  for (let attempt = 0; attempt < 12; attempt++) {
    await pull(a, b);
    await pull(b, a);
    if (!(await isSame(a, b))) continue;
    if (await hasLostRows(a, b)) await takeSnapshot(a, b);
    if (await hasLostRows(b, a)) await takeSnapshot(b, a);
    return;
  }
  throw new Error('two servers do not come to the same vector');
}

export async function isSame(a: ForkServer, b: ForkServer): Promise<boolean> {
  const [first, second] = [(await a.replica.position()).vector, (await b.replica.position()).vector];
  return isEqualVector(first, second) && forksBetween(first, second).length === 0;
}

async function pull(from: ForkServer, to: ForkServer): Promise<void> {
  const { vector, isFresh } = await to.replica.position();
  if (isFresh) return takeSnapshot(from, to);
  const read = await from.replica.readJournal({ vector, after: 0, bytesMax: 1e9 });
  await healForks(from, to, read.forks);
  if (read.parts.length > 0) await healForks(from, to, (await to.replica.merge(read.parts)).forks);
  if (read.needsSnapshot) await takeSnapshot(from, to);
}

/** Whether the other holds rows that were lost with their table. */
async function hasLostRows(from: ForkServer, to: ForkServer): Promise<boolean> {
  const [here, there] = [await to.replica.proof(), await from.replica.proof()];
  if (!isEqualVector(here.vector, there.vector)) return false;
  return tablesThatDiffer(here.digest, there.digest).some((table) => here.lost?.includes(table));
}

export async function takeSnapshot(from: ForkServer, to: ForkServer): Promise<void> {
  await healForks(from, to, (await sendSnapshot(from, to)).forks);
}

export async function sendSnapshot(from: ForkServer, to: ForkServer): Promise<MergeOutcome> {
  const reader = await from.replica.openSnapshot();
  const writer = await to.replica.receiveSnapshot(reader.vector);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  return writer.finish();
}

async function healForks(a: ForkServer, b: ForkServer, forks: readonly Fork[]): Promise<void> {
  for (const { origin } of forks) {
    const theirs = await a.replica.history(origin);
    if ((await b.replica.cutBranch(origin, theirs)) === 'theirs')
      await a.replica.cutBranch(origin, await b.replica.history(origin));
  }
}
