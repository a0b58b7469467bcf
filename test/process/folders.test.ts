/** Whole engines with a folder and a database each, over loopback TLS. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  renameSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { composeEngine } from '../../src/compose-engine.js';
import type { Config } from '../../src/config/config.js';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import type { Engine } from '../../src/engine/engine.js';
import { treeOf } from '../cases/folder-servers.js';

interface FolderEngine {
  readonly root: string;
  readonly config: Config;
  engine: Engine;
}

const timeoutMs = 30_000;

const start = (config: Config): Engine => composeEngine(config, { version: 'test', observe: () => undefined });

async function add(ground: string, name: string): Promise<FolderEngine> {
  const root = join(ground, name, 'instance');
  mkdirSync(root, { recursive: true });
  // The database stands inside the folder, as applications have it.
  const database = openConnection(join(root, 'app.db'));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT)');
  database.close();
  const config: Config = {
    name,
    dataFolder: join(ground, name, 'data'),
    listen: { host: '127.0.0.1', port: 0, advertise: [] },
    datasets: [
      { name: 'app', sqlite: join(root, 'app.db'), landing: 'bounded', polite: false, tables: {} },
      { name: 'instance', folder: root, landing: 'bounded', polite: false, tables: {} },
    ],
    journal: { daysMax: 14, bytesMax: 1e9, historyDays: 30, historyBytes: 1e9 },
    log: { level: 'info', format: 'auto' },
    http: { enabled: false, host: '127.0.0.1', hosts: [] },
    alerts: { webhooks: [], afterSeconds: 60 },
  };
  const engine = start(config);
  await engine.start();
  return { root, config, engine };
}

async function groundOf(context: TestContext, names: readonly string[]): Promise<FolderEngine[]> {
  const ground = mkdtempSync(join(tmpdir(), 'usync-engines-'));
  const servers: FolderEngine[] = [];
  context.after(async () => {
    for (const { engine } of servers) await engine.stop('the test is over');
    rmSync(ground, { recursive: true, force: true });
  });
  for (const name of names) servers.push(await add(ground, name));
  return servers;
}

async function joinAll([first, ...others]: readonly FolderEngine[]): Promise<void> {
  assert.ok(first);
  for (const { engine } of others) {
    const { code } = await first.engine.invite();
    assert.equal((await engine.join({ code })).state, 'joined');
  }
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const startedAt = Date.now(); Date.now() - startedAt < timeoutMs;) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${what} did not happen`);
}

const textAt = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

test('the look before joining compares files by content, not by who found them', async (context) => {
  const [pit, stands] = await groundOf(context, ['pit', 'stands']);
  assert.ok(pit && stands);
  const write = ({ root }: FolderEngine, files: Readonly<Record<string, string>>): void => {
    mkdirSync(join(root, 'plans'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  };
  write(pit, { 'same.txt': 'one', 'plans/plan.txt': 'by pit', 'only-pit.txt': 'x', 'also-pit.txt': 'y' });
  write(stands, { 'same.txt': 'one', 'plans/plan.txt': 'by stands', 'only-stands.txt': 'z' });
  const entriesOf = async ({ engine }: FolderEngine): Promise<number> =>
    (await engine.folder('instance').status()).entries;
  await until(
    'both have seen their files',
    async () => (await entriesOf(pit)) === 5 && (await entriesOf(stands)) === 4,
  );
  const { code } = await pit.engine.invite();
  const report = await stands.engine.join({ code, isDryRun: true });
  const { preview } = report.datasets.find(({ dataset }) => dataset === 'instance') ?? {};
  assert.deepEqual(preview?.tables, [{ table: 'entries', same: 2, differing: 1, apart: 0, onlyHere: 1, onlyThere: 2 }]);
  assert.equal((await stands.engine.join({ code })).state, 'joined');
  await until('both plans stand', () => readdirSync(join(stands.root, 'plans')).length === 2);
});

test('a folder with the database inside it is kept identical beside the rows, and status and verify cover it', async (context) => {
  const servers = await groundOf(context, ['pit', 'stands', 'judges']);
  const [pit, stands, judges] = servers;
  assert.ok(pit && stands && judges);
  mkdirSync(join(pit.root, 'uploads'));
  for (let index = 0; index < 50; index++) writeFileSync(join(pit.root, 'uploads', `${index}.txt`), `file ${index}`);
  const large = Buffer.alloc(5_000_000, 'large ');
  writeFileSync(join(pit.root, 'large.bin'), large);
  await joinAll(servers);
  const without = (root: string): string[] => Object.keys(treeOf(root)).filter((path) => !path.startsWith('app.db'));
  for (const { root } of [stands, judges]) {
    await until('the whole tree is there', () => without(root).length === 52);
    await until('the large file is there', () => existsSync(join(root, 'large.bin')));
    assert.ok(readFileSync(join(root, 'large.bin')).equals(large));
  }
  writeFileSync(join(stands.root, 'uploads/1.txt'), 'edited by stands');
  renameSync(join(judges.root, 'uploads/2.txt'), join(judges.root, 'uploads/renamed.txt'));
  await until('the edit is at pit', () => textAt(join(pit.root, 'uploads/1.txt')) === 'edited by stands');
  await until('the rename is at pit', () => textAt(join(pit.root, 'uploads/renamed.txt')) === 'file 2');
  for (const { engine } of servers) await engine.waitUntilInSync({ timeoutMs });
  for (const { engine } of servers) {
    const status = await engine.waitUntilInSync({ timeoutMs });
    assert.equal(status.isInSync, true, `${status.headline} ${JSON.stringify(status.problems)}`);
    assert.equal(status.datasets.find(({ name }) => name === 'instance')?.rows, 52);
    assert.equal((await engine.verify()).isEqual, true);
  }
  assert.deepEqual(without(stands.root), without(pit.root));
  const history = await pit.engine.folder('instance').history({ max: 10 });
  assert.deepEqual(
    history.map(({ path }) => path),
    ['uploads/1.txt'],
  );
  await pit.engine.folder('instance').restore(history[0]?.id ?? 0);
  await until('the restored file is everywhere', () => textAt(join(judges.root, 'uploads/1.txt')) === 'file 1');
});

test('while an entry is not on the disk of a peer, no server calls itself in sync', async (context) => {
  const servers = await groundOf(context, ['pit', 'stands']);
  const [pit, stands] = servers;
  assert.ok(pit && stands);
  await joinAll(servers);
  // What stands there is a database of another program: it is never overwritten, so the file waits.
  const database = openConnection(join(stands.root, 'other.db'));
  context.after(() => database.close());
  database.exec('CREATE TABLE t (x)');
  writeFileSync(join(pit.root, 'other.db'), 'an ordinary file');
  const there = async (): Promise<string | null> => {
    const { peers } = await pit.engine.status();
    return peers[0]?.datasets.find(({ dataset }) => dataset === 'instance')?.reason ?? null;
  };
  await until('the waiting file is told of', async () => /not on disk there/.test((await there()) ?? ''));
  assert.equal((await pit.engine.waitUntilInSync({ timeoutMs: 300 })).isInSync, false);
  for (const { engine } of servers) {
    const { isEqual, comparisons } = await engine.verify({ dataset: 'instance' });
    assert.equal(isEqual, false);
    assert.match(comparisons[0]?.reason ?? '', /1 entry is not on disk/);
  }
  assert.match((await stands.engine.status()).headline, /1 entry of instance is not on disk here yet/);
  database.close();
  rmSync(join(stands.root, 'other.db'));
  await until('the file is there', () => textAt(join(stands.root, 'other.db')) === 'an ordinary file');
  for (const { engine } of servers) assert.equal((await engine.waitUntilInSync({ timeoutMs })).isInSync, true);
});

test('while deletions of one server are held, neither server calls the folder equal', async (context) => {
  const servers = await groundOf(context, ['pit', 'stands']);
  const [pit, stands] = servers;
  assert.ok(pit && stands);
  mkdirSync(join(pit.root, 'many'));
  for (let index = 0; index < 150; index++) writeFileSync(join(pit.root, 'many', `${index}`), `${index}`);
  await joinAll(servers);
  for (const { engine } of servers) assert.equal((await engine.waitUntilInSync({ timeoutMs })).isInSync, true);
  rmSync(join(pit.root, 'many'), { recursive: true });
  await until('they are held', async () => (await pit.engine.folder('instance').status()).problem !== null);
  for (const { engine } of servers)
    assert.equal((await engine.verify({ dataset: 'instance' })).comparisons[0]?.result, 'behind');
  assert.equal((await stands.engine.waitUntilInSync({ timeoutMs: 300 })).isInSync, false);
  assert.ok((await pit.engine.folder('instance').putBack()) > 0);
  await until('they are back', () => existsSync(join(pit.root, 'many/149')));
  for (const { engine } of servers) assert.equal((await engine.waitUntilInSync({ timeoutMs })).isInSync, true);
  for (const { engine } of servers) assert.equal((await engine.verify()).isEqual, true);
});

test('both servers edit while one is down; after its return both edits stand', async (context) => {
  const servers = await groundOf(context, ['pit', 'stands']);
  const [pit, stands] = servers;
  assert.ok(pit && stands);
  writeFileSync(join(pit.root, 'plan.txt'), 'first');
  await joinAll(servers);
  await until('the file is at stands', () => textAt(join(stands.root, 'plan.txt')) === 'first');
  await stands.engine.stop('down');
  writeFileSync(join(stands.root, 'plan.txt'), 'by stands');
  writeFileSync(join(pit.root, 'plan.txt'), 'by pit');
  await new Promise((resolve) => setTimeout(resolve, 300));
  stands.engine = start(stands.config);
  await stands.engine.start();
  const contents = (root: string): string[] =>
    Object.entries(treeOf(root))
      .filter(([path]) => path.startsWith('plan'))
      .map(([, content]) => content)
      .toSorted((a, b) => (a < b ? -1 : 1));
  const both = ['644 by pit', '644 by stands'];
  // the loser is copied aside before the winner takes its place, so two files are there a moment too early
  for (const { root } of servers) {
    await until('both edits stand', () => JSON.stringify(contents(root)) === JSON.stringify(both));
  }
  await until('the conflict is told', async () => {
    const { conflicts } = await pit.engine.conflicts({ dataset: 'instance', max: 5 });
    assert.ok(conflicts.length <= 1);
    return conflicts.length === 1;
  });
  const [conflict] = (await pit.engine.conflicts({ dataset: 'instance', max: 5 })).conflicts;
  assert.ok(conflict);
  rmSync(join(stands.root, conflict.lost));
  const openAtPit = async () => (await pit.engine.status()).datasets.find(({ name }) => name === 'instance')?.conflicts;
  await until('the conflict is off the list of pit', async () => (await openAtPit()) === 0);
  const listed = async (withDecided: boolean) =>
    (await pit.engine.conflicts({ max: 5, withDecided })).conflicts.map(({ id, decision }) => [id, decision?.kind]);
  assert.deepEqual(await listed(false), []);
  assert.deepEqual(await listed(true), [[conflict.id, 'settled']]);
  assert.deepEqual(await pit.engine.dismissConflicts({ all: true }), { dismissed: 0 });
});
