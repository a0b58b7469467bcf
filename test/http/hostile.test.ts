/**
 * Goal: whatever servers, tables, columns, files and values are called, it goes through API, live events, metrics and log as
 * it is and breaks out of none of them. Method: a corpus of such names on real engines. The command line is asked in
 * test/process/hostile-names.test.ts, the page in test/browser/screens.test.ts.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createLogLines } from '../../src/observe/log-lines.js';
import { assertInSync, groundOf, joinAll, until, type TestServer } from '../engine/engine-ground.js';
import { fieldOf, openPage, type Answer } from './http-ground.js';
import { hostileFileNames, hostileNames, quotedName, steering } from './hostile-names.js';

function assertQuietLog({ engine }: TestServer): void {
  const lines: string[] = [];
  const log = createLogLines({ level: 'debug', format: 'text', isColoured: false, write: (line) => lines.push(line) });
  for (const event of engine.activity(100)) log(event);
  assert.ok(lines.length > 0);
  for (const line of lines) assert.doesNotMatch(line, steering, JSON.stringify(line));
}

function assertMetrics({ text }: Answer): void {
  for (const line of text.trimEnd().split('\n'))
    assert.match(line, /^(?:# (?:HELP|TYPE) \S+ .+|[a-z_]+(?:\{.*\})? (?:-?[\d.e+-]+|NaN|[+-]Inf))$/s);
}

test('hostile names of tables, columns and values go through API, live events, metrics and log as they are', async (context) => {
  const sql = hostileNames
    .map((name) => `CREATE TABLE ${quotedName(name)} (id INTEGER PRIMARY KEY, ${quotedName(name)} TEXT);`)
    .join('\n');
  const a = await groundOf(context).add('a', sql);
  const page = await openPage(a);
  await a.engine.invite();
  for (const name of hostileNames) a.database.prepare(`INSERT INTO ${quotedName(name)} VALUES (1, ?)`).run(name);
  await a.engine.wake();
  const listed = await page.admin('GET', '/api/sync/datasets/shop/tables');
  const tables = (fieldOf(listed, 'tables') as { readonly name: string }[]).map(({ name }) => name);
  for (const name of hostileNames) {
    assert.ok(tables.includes(name), name);
    const found = await page.admin('GET', `/api/sync/changes?table=${encodeURIComponent(name)}`);
    const [change] = fieldOf(found, 'changes') as { readonly data: Readonly<Record<string, unknown>> }[];
    assert.deepEqual(change?.data, { id: 1, [name]: name });
    const history = await page.admin('GET', `/api/sync/history?table=${encodeURIComponent(name)}&key=1`);
    assert.equal(history.status, 200, history.text);
    const sent = await page.admin('POST', '/api/sync/database', {
      body: { changes: [{ table: name, record_id: 2, operation: 'insert', data: { [name]: name } }] },
    });
    if (name === '__proto__') {
      assert.equal(sent.status, 400, 'no object of a stranger may name its prototype');
      continue;
    }
    assert.equal(sent.json?.['changes_applied'], 1, sent.text);
    assert.deepEqual(a.database.prepare(`SELECT * FROM ${quotedName(name)} WHERE id = 2`).all(), [[2n, name]]);
    for (const path of [
      `/api/sync/servers/${encodeURIComponent(name)}`,
      `/api/sync/jobs/${encodeURIComponent(name)}`,
    ]) {
      const answer = await page.admin('GET', path);
      assert.equal(answer.status, 404, answer.text);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    }
  }
  assertQuietLog(a);
  assertMetrics(await page.admin('GET', '/metrics'));
});

test('hostile names of files are stored, listed, downloaded and deleted as they are, and make no header', async (context) => {
  const a = await groundOf(context).add('a', '', 'uploads');
  const page = await openPage(a);
  const folder = a.config.datasets[1]?.folder ?? '';
  const isLegal = async (name: string): Promise<boolean> => {
    const form = new FormData();
    form.set('file', new Blob([name]), 'x');
    form.set('path', `in/${name}`);
    // A form turns line ends into those of the network; such a name comes by JSON.
    const sent = /[\r\n]/.test(name)
      ? await page.admin('POST', '/api/sync/universal_receive', {
          body: { type: 'file_batch', changes: [{ path: `in/${name}`, content: name, operation: 'update' }] },
        })
      : await page.admin('POST', '/api/sync/files/upload', { form });
    return sent.status === 200 || sent.status === 201;
  };
  const stored: string[] = [];
  for (const name of hostileFileNames) {
    const isIn = await isLegal(name);
    if (isIn && readdirSync(`${folder}/in`).includes(name)) stored.push(name);
  }
  assert.ok(stored.length >= 5, JSON.stringify(stored));
  await until('all are listed', async () => {
    const { json } = await page.admin('GET', '/api/sync/datasets/uploads/files?path=in');
    return ((json?.['entries'] ?? []) as unknown[]).length >= stored.length;
  });
  const listed = fieldOf(await page.admin('GET', '/api/sync/datasets/uploads/files?path=in'), 'entries') as {
    readonly name: string;
  }[];
  for (const none of ['../..', '..', 'in/../..', 'nowhere'])
    assert.equal(
      (await page.admin('GET', `/api/sync/datasets/uploads/files?path=${encodeURIComponent(none)}`)).status,
      404,
      none,
    );
  const sums = (await page.admin('GET', '/api/sync/files/checksums')).json ?? {};
  for (const name of stored) {
    assert.ok(
      listed.some((entry) => entry.name === name),
      name,
    );
    assert.ok(Object.hasOwn(sums, `in/${name}`), name);
    const got = await page.admin('GET', `/api/sync/files/download?path=${encodeURIComponent(`in/${name}`)}`);
    assert.equal(got.text, name);
    assert.match(got.headers.get('content-disposition') ?? '', /^attachment; filename\*=UTF-8''[\w.%~-]+$/);
    assert.equal(got.headers.get('set-cookie'), null);
    const gone = await page.admin('POST', '/api/sync/files/delete', { body: { path: `in/${name}` } });
    assert.equal(gone.status, 200, gone.text);
  }
  assert.deepEqual(
    readdirSync(`${folder}/in`).filter((name) => stored.includes(name)),
    [],
  );
  assertQuietLog(a);
  assertMetrics(await page.admin('GET', '/metrics'));
});

test('a server with a hostile name is a name in every answer, event, figure and line, and nothing else', async (context) => {
  const ground = groundOf(context);
  const [a, b] = [await ground.add('a'), await ground.add('b')];
  await joinAll(a, [b]);
  await assertInSync([a, b]);
  const page = await openPage(a);
  for (const name of hostileNames.filter((each) => each.length < 60)) {
    await b.engine.stop('it gets another name');
    await b.restart(name);
    const shown = async (): Promise<unknown> => {
      const servers = fieldOf(await page.admin('GET', '/api/sync/servers'), 'servers') as { readonly name: string }[];
      return servers.find((server) => server.name === name)?.name;
    };
    await until(`a knows ${JSON.stringify(name)}`, async () => (await shown()) === name);
    assert.equal((await page.admin('GET', `/api/sync/servers/${encodeURIComponent(name)}`)).status, 200, name);
    assertMetrics(await page.admin('GET', '/metrics'));
  }
  assertQuietLog(a);
  assertQuietLog(b);
});
