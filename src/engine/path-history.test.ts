/** What a person is told of the files of a folder: what happened, not rows of a table; and that undo leaves them alone. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { assertInSync, groundOf, joinAll, namesOf, until, type TestServer } from '../../test/engine/engine-ground.js';
import type { PathEvent } from './decisions.js';

interface Pair {
  readonly a: TestServer;
  readonly b: TestServer;
  /** A path in the folder of a server. */
  readonly at: (server: TestServer, path: string) => string;
}

async function pairOf(context: TestContext): Promise<Pair> {
  const ground = groundOf(context);
  const a = await ground.add('a', '', 'uploads');
  const b = await ground.add('b', '', 'uploads');
  await joinAll(a, [b]);
  return { a, b, at: (server, path) => join(ground.root, `${server.name}-uploads`, path) };
}

const told = ({ kind, by, path, from, before, now }: PathEvent): string =>
  [by, kind, ...(from === null ? [] : [from, '->']), path, before?.size ?? '-', now?.size ?? '-'].join(' ');

const toldAt = async ({ engine }: TestServer, path?: string): Promise<string[]> => {
  const { events } = await engine.pathHistory({ dataset: 'uploads', max: 50, ...(path !== undefined && { path }) });
  return events.map(told);
};

test('the history of a file has one line for an edit, and goes on under the name that it had before', async (context) => {
  const { a, b, at } = await pairOf(context);
  const seen = async (what: string, isThere: () => boolean): Promise<void> => {
    await until(what, () => Promise.resolve(isThere()));
    await assertInSync([a, b]);
  };
  writeFileSync(at(a, 'plan.txt'), 'one', { mode: 0o600 });
  await seen('b has it', () => existsSync(at(b, 'plan.txt')));
  writeFileSync(at(b, 'plan.txt'), 'second');
  await seen('a has the edit', () => readFileSync(at(a, 'plan.txt'), 'utf8') === 'second');
  chmodSync(at(b, 'plan.txt'), 0o640);
  await seen('a has the mode', () => (statSync(at(a, 'plan.txt')).mode & 0o777) === 0o640);
  mkdirSync(at(a, 'old'));
  renameSync(at(a, 'plan.txt'), at(a, 'old/plan.txt'));
  await seen('b has moved it', () => existsSync(at(b, 'old/plan.txt')) && !existsSync(at(b, 'plan.txt')));
  rmSync(at(b, 'old/plan.txt'));
  await seen('a has deleted it', () => !existsSync(at(a, 'old/plan.txt')));
  const history = await a.engine.pathHistory({ dataset: 'uploads', path: './old/plan.txt', max: 50 });
  assert.deepEqual(history.events.map(told), [
    'b deleted old/plan.txt 6 -',
    'a moved plan.txt -> old/plan.txt 6 6',
    'b attributes plan.txt 6 -',
    'b changed plan.txt 3 6',
    'a added plan.txt - 3',
  ]);
  assert.equal(history.isWhole, true);
  assert.deepEqual([history.events[2]?.before?.mode, history.events[2]?.now?.mode], [0o600, 0o640]);
  const kept = await a.engine.folder('uploads').history({ max: 10 });
  const numberOf = (path: string): number | undefined => kept.find((record) => record.path === path)?.id;
  assert.deepEqual(
    history.events.map(({ keptAs }) => keptAs ?? undefined),
    [numberOf('old/plan.txt'), undefined, undefined, numberOf('plan.txt'), undefined],
    'what other servers took away is kept here, and can be restored by its number',
  );
  assert.deepEqual((await toldAt(a, 'plan.txt')).slice(0, 2), [
    'a moved plan.txt -> old/plan.txt 6 6',
    'b attributes plan.txt 6 -',
  ]);
  assert.deepEqual((await toldAt(b, 'old')).slice(-1), ['a added plan.txt - 3'], 'a folder: all that is below it');
  assert.deepEqual(await toldAt(b), await toldAt(a), 'the same on every server');
  const last = await a.engine.pathHistory({ dataset: 'uploads', path: 'old/plan.txt', max: 1 });
  assert.deepEqual([last.events.map(told), last.isWhole], [['b deleted old/plan.txt 6 -'], false]);
});

test('of two edits at the same time the history tells both, and under which name the loser stands', async (context) => {
  const { a, b, at } = await pairOf(context);
  writeFileSync(at(a, 'plan.txt'), 'one');
  await until('b has it', () => Promise.resolve(existsSync(at(b, 'plan.txt'))));
  await assertInSync([a, b]);
  await b.engine.stop('both write meanwhile');
  writeFileSync(at(a, 'plan.txt'), 'of a');
  await new Promise((resolve) => setTimeout(resolve, 300));
  writeFileSync(at(b, 'plan.txt'), 'from b');
  await b.restart();
  const copyAt = (): string | undefined => readdirSync(at(b, '')).find((name) => name.includes('conflict'));
  await until('the copy is there', () => Promise.resolve(copyAt() !== undefined));
  await assertInSync([a, b]);
  const events = await toldAt(a, 'plan.txt');
  assert.deepEqual(events.toSorted(), [
    'a added plan.txt - 3',
    'a changed plan.txt 3 4',
    `a conflict plan.txt -> ${copyAt()} - 4`,
    'b changed plan.txt 3 6',
  ]);
  assert.deepEqual(await toldAt(b, 'plan.txt'), events);
});

test('undo leaves folders out and says so; asked for a folder alone it changes nothing and says what to do', async (context) => {
  const { a, b, at } = await pairOf(context);
  writeFileSync(at(b, 'plan.txt'), 'of b');
  b.database.exec("INSERT INTO item (name) VALUES ('by mistake')");
  const isThere = (): boolean => namesOf(a.database).length === 1 && existsSync(at(a, 'plan.txt'));
  await until('a has both', () => Promise.resolve(isThere()));
  await assertInSync([a, b]);
  const query = { server: 'b', sinceMs: 0 };
  for (const isDryRun of [true, false]) {
    const { steps, leftOut } = await a.engine.undo({ ...query, isDryRun });
    assert.deepEqual([steps.map(({ dataset }) => dataset), leftOut], [['shop'], ['uploads']]);
    await assert.rejects(a.engine.undo({ ...query, isDryRun, dataset: 'uploads' }), {
      code: 'USYNC-1706',
      nextStep: /usync files restore uploads NUMBER/,
    });
  }
  await assertInSync([a, b]);
  for (const server of [a, b]) assert.equal(readFileSync(at(server, 'plan.txt'), 'utf8'), 'of b');
});

test('the rows in which a folder is kept are no table of the application', async (context) => {
  const { a } = await pairOf(context);
  const request = { table: 'entries', key: ['plan.txt'], max: 5 };
  const refused = { code: 'USYNC-1802', nextStep: /usync history uploads PATH/ };
  await assert.rejects(a.engine.rowHistory(request), refused);
  await assert.rejects(a.engine.rowHistory({ ...request, dataset: 'uploads' }), refused);
});
