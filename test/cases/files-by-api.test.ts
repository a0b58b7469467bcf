/** What programs do in a folder through the API: the same as an application beside it, and with a way back. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRealDisk } from '../../src/system/real-disk.js';
import { folderGround, settleAll, type FolderServer } from './folder-servers.js';

const modeOf = (server: FolderServer, name: string): string => (statSync(server.path(name)).mode & 0o777).toString(8);

const keptOf = (server: FolderServer, path: string): readonly string[] =>
  server.side
    .history({ path, max: 10 })
    .map(({ file, reason }) => `${reason} ${readFileSync(server.path(`.usync-folder/history/${file}`), 'utf8')}`);

test('an upload leaves the mode of what it replaces, here and elsewhere', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  const b = await ground.add('b');
  writeFileSync(a.path('secret'), 'old', { mode: 0o600 });
  writeFileSync(a.path('run.sh'), 'old');
  chmodSync(a.path('run.sh'), 0o755);
  await settleAll([a, b]);
  for (const name of ['secret', 'run.sh', 'new']) await a.side.write(name, Buffer.from('new'));
  await settleAll([a, b]);
  for (const server of [a, b])
    assert.deepEqual(
      ['secret', 'run.sh', 'new'].map((name) => modeOf(server, name)),
      ['600', '755', '644'],
      server.name,
    );
});

test('what an upload replaces or a deletion removes is in the history of this server, and comes back', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('plan'), 'first');
  await a.capture();
  await a.side.write('plan', Buffer.from('second'));
  await a.side.write('plan', Buffer.from('third'));
  assert.deepEqual(keptOf(a, 'plan'), ['replaced second', 'replaced first']);
  await a.side.remove('plan');
  assert.deepEqual(keptOf(a, 'plan'), ['deleted third', 'replaced second', 'replaced first']);
  const [last] = a.side.history({ path: 'plan', max: 1 });
  await a.capture();
  await a.side.restore(last?.id ?? 0);
  assert.equal(readFileSync(a.path('plan'), 'utf8'), 'third');
});

test('an edit that no scan has seen yet is kept before an upload or a deletion', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 25 });
  for (const name of ['plan', 'list']) writeFileSync(a.path(name), 'known');
  await a.capture();
  for (const name of ['plan', 'list', 'new']) writeFileSync(a.path(name), 'edit of an application');
  await a.side.write('plan', Buffer.from('uploaded'));
  await a.side.write('new', Buffer.from('uploaded'));
  await a.side.remove('list');
  assert.deepEqual(keptOf(a, 'plan'), ['replaced edit of an application']);
  assert.deepEqual(keptOf(a, 'new'), ['replaced edit of an application']);
  assert.deepEqual(keptOf(a, 'list'), ['deleted edit of an application']);
  assert.equal(readFileSync(a.path('new'), 'utf8'), 'uploaded');
});

test('a file whose writer may not be done is neither replaced nor deleted by the API', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { settleMs: 60_000 });
  writeFileSync(a.path('log'), 'line\n');
  const refused = { code: 'USYNC-1801', message: /"log" is not replaced or deleted: it is being changed/ };
  await Promise.all([
    assert.rejects(a.side.write('log', Buffer.from('uploaded')), refused),
    assert.rejects(a.side.remove('log'), refused),
  ]);
  assert.equal(readFileSync(a.path('log'), 'utf8'), 'line\n');
  assert.deepEqual(readdirSync(a.path('.usync-folder/temporary')), []);
});

test('a database, a pipe and a folder are neither replaced nor deleted by the API', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a');
  writeFileSync(a.path('data'), 'SQLite format 3\0 and more');
  execFileSync('mkfifo', [a.path('pipe')]);
  mkdirSync(a.path('folder'));
  for (const [name, message] of [
    ['data', /takes no part in this dataset: it belongs to a SQLite database/],
    ['pipe', /takes no part in this dataset: it is a pipe/],
    ['folder', /"folder" is a folder/],
  ] as const) {
    await assert.rejects(a.side.write(name, Buffer.from('x')), { code: 'USYNC-1907', message });
    await assert.rejects(a.side.remove(name), { code: 'USYNC-1907', message });
    assert.ok(existsSync(a.path(name)), name);
  }
  await assert.rejects(a.side.remove('none'), { code: 'USYNC-1908' });
  await assert.rejects(a.side.remove('none/at/all'), { code: 'USYNC-1908' });
});

test('an upload that would take the room of everyone else writes nothing', async (context) => {
  const ground = folderGround(context);
  const a = await ground.add('a', { disk: { ...createRealDisk(), space: () => ({ free: 1_000_000, total: 1e8 }) } });
  await assert.rejects(a.side.write('in/new', Buffer.from('x')), { code: 'USYNC-1207' });
  assert.deepEqual(readdirSync(a.root), ['.usync-folder']);
});
