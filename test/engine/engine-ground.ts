/** Whole engines on real SQLite files over loopback TLS, for tests. The application writes through connections of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { composeEngine } from '../../src/compose-engine.js';
import { freePort } from '../../src/cli/demo/demo-server.js';
import type { Config } from '../../src/config/config.js';
import { openConnection, type Connection } from '../../src/databases/sqlite/connection/driver.js';
import type { Engine } from '../../src/engine/engine.js';
import type { ObservedEvent } from '../../src/observe/event.js';

const timeoutMs = 30_000;

export interface TestServer {
  readonly name: string;
  readonly config: Config;
  readonly database: Connection;
  readonly events: ObservedEvent[];
  engine: Engine;
  /** Ended before the engine is, when the test is over. */
  readonly closers: (() => Promise<void>)[];
  /** A new engine on the same folders, as after a restart of the process; under another name where one is given. */
  restart(newName?: string): Promise<void>;
}

interface Ground {
  readonly root: string;
  /** With `folder`, also a folder dataset of that name. */
  add(name: string, sql?: string, folder?: string): Promise<TestServer>;
}

interface ServerPlace {
  readonly root: string;
  readonly name: string;
  readonly port: number;
  readonly folder: string | undefined;
}

export function groundOf(context: TestContext): Ground {
  const root = mkdtempSync(join(tmpdir(), 'usync-engine-'));
  const servers: TestServer[] = [];
  context.after(async () => {
    for (const { engine, database, closers } of servers) {
      for (const close of closers) await close();
      await engine.stop('the test is over');
      database.close();
    }
    rmSync(root, { recursive: true, force: true });
  });
  return {
    root,
    async add(name, sql = '', folder) {
      const server = createServer({ root, name, folder, port: await freePort() }, sql);
      servers.push(server);
      await server.engine.start();
      return server;
    },
  };
}

/** Its port stays the same, so that servers which were all away find each other again. */
function createServer({ root, name, port, folder }: ServerPlace, sql: string): TestServer {
  const path = join(root, `${name}.db`);
  const database = openConnection(path, { busyTimeoutMs: 10_000 });
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, price INTEGER)');
  if (sql !== '') database.exec(sql);
  const config: Config = {
    name,
    dataFolder: join(root, `${name}-data`),
    listen: { host: '127.0.0.1', port, advertise: [] },
    datasets: [
      { name: 'shop', sqlite: path, landing: 'bounded', polite: false, tables: {} },
      ...(folder === undefined ? [] : [folderDataset(join(root, `${name}-${folder}`), folder)]),
    ],
    journal: { daysMax: 14, bytesMax: 1e9, historyDays: 1, historyBytes: 1e6 },
    log: { level: 'info', format: 'auto' },
    http: { enabled: false, host: '127.0.0.1', hosts: [] },
    alerts: { webhooks: [], afterSeconds: 60 },
  };
  const events: ObservedEvent[] = [];
  const make = (newName: string): Engine =>
    composeEngine(
      { ...config, name: newName },
      {
        version: 'test',
        observe: (level, event) => events.push({ ...event, level, atMs: Date.now() }),
      },
    );
  const server: TestServer = {
    name,
    config,
    database,
    events,
    engine: make(name),
    closers: [],
    async restart(newName = name) {
      server.engine = make(newName);
      await server.engine.start();
    },
  };
  return server;
}

function folderDataset(path: string, name: string): Config['datasets'][number] {
  mkdirSync(path);
  return { name, folder: path, landing: 'bounded', polite: false, tables: {} };
}

export async function joinAll(founder: TestServer, others: readonly TestServer[]): Promise<void> {
  for (const { engine } of others) {
    const { code } = await founder.engine.invite();
    assert.equal((await engine.join({ code })).state, 'joined');
  }
}

export async function assertInSync(servers: readonly TestServer[]): Promise<void> {
  const isMember = ({ state }: { readonly state: string }): boolean => state === 'member';
  for (const { engine, name } of servers)
    await until(`${name} knows all`, async () => (await engine.servers()).filter(isMember).length === servers.length);
  // Each capture may be news to the others: after one round of waiting all have everything.
  for (const { engine } of servers) await engine.waitUntilInSync({ timeoutMs });
  for (const { engine, name, config } of servers) {
    const status = await engine.waitUntilInSync({ timeoutMs });
    assert.equal(status.isInSync, true, `${name}: ${status.headline} ${JSON.stringify(status.problems)}`);
    const { isEqual, comparisons } = await engine.verify();
    assert.equal(isEqual, true, JSON.stringify(comparisons));
    assert.equal(comparisons.length, (servers.length - 1) * config.datasets.length);
  }
  const [first, ...rest] = servers.map(({ database }) => rowsOf(database));
  for (const rows of rest) assert.deepEqual(rows, first);
}

const rowsOf = (database: Connection): unknown[] => database.prepare('SELECT * FROM item ORDER BY id').all();

export const namesOf = (database: Connection): unknown[] =>
  database
    .prepare('SELECT name FROM item ORDER BY name')
    .all()
    .map(([name]) => name);

export async function until(what: string, isDone: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!(await isDone())) {
    assert.ok(Date.now() < endMs, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
