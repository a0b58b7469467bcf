// Goal: who asks for the history of a file gets it by its path, in words. Method: two real servers, and the command line.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import type { PathHistory } from '../../src/engine/decisions.js';
import { createWorkplace, joinGroup, succeeded, untilProven, waitUntil, type ServerProcess } from './server-process.js';

describe('the history of a folder on the command line', () => {
  const workplace = createWorkplace();
  let a: ServerProcess;
  let b: ServerProcess;

  before(async () => {
    const datasets = [
      { name: 'music', sqlite: 'music.db' },
      { name: 'photos', folder: 'photos' },
    ];
    [a, b] = [await workplace.addServer('a', datasets), await workplace.addServer('b', datasets)];
    for (const { folder, database } of [a, b]) {
      mkdirSync(join(folder, 'photos'));
      const connection = openConnection(database);
      connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE photos (id INTEGER PRIMARY KEY, title TEXT)');
      connection.close();
    }
    await a.start();
    await b.start();
    await joinGroup(a, b);
    const plan = join(a.folder, 'photos', 'my plan.txt');
    writeFileSync(plan, 'one', { mode: 0o600 });
    const connection = openConnection(a.database, { busyTimeoutMs: 10_000 });
    connection.exec("INSERT INTO photos VALUES (1, 'a title')");
    connection.close();
    await waitUntil('b has the file', 30_000, () =>
      Promise.resolve(existsSync(join(b.folder, 'photos', 'my plan.txt'))),
    );
    await untilProven([a, b]);
    writeFileSync(join(b.folder, 'photos', 'my plan.txt'), 'second');
    await untilProven([a, b]);
    await waitUntil('a has the edit', 30_000, () => Promise.resolve(readFileSync(plan, 'utf8') === 'second'));
    await untilProven([a, b]);
    chmodSync(plan, 0o640);
    await waitUntil('b has the mode', 30_000, () =>
      Promise.resolve((statSync(join(b.folder, 'photos', 'my plan.txt')).mode & 0o777) === 0o640),
    );
  });
  after(() => workplace.clear());

  test('by its path, with octal modes, and the command that brings back what stood before', () => {
    const { stdout } = succeeded(a.usync('history', 'photos', 'my plan.txt'));
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/^[\d-]+T\S+Z/, 'at').replace(/modified \S+Z/, 'modified at')),
      [
        'at  a changed the mode of my plan.txt (mode 600 before, mode 640 now)',
        'at  b changed my plan.txt (3 B before, 6 B now, modified at)',
        '    What stood before is kept here: usync files restore photos 1',
        'at  a added my plan.txt (3 B, mode 600, modified at)',
      ],
    );
    assert.equal(succeeded(a.usync('history', 'photos')).stdout, stdout, 'without a path: of all');
    const { events } = JSON.parse(
      succeeded(b.usync('--json', 'history', 'photos', 'my plan.txt')).stdout,
    ) as PathHistory;
    assert.deepEqual(
      events.map(({ kind, by }) => `${by} ${kind}`),
      ['a attributes', 'b changed', 'a added'],
    );
  });

  test('a table of the same name is meant with the name of its database', () => {
    assert.match(succeeded(a.usync('history', 'photos', '1', '--dataset', 'music')).stdout, /title = 'a title'/);
  });

  test('what is no path of a folder is refused with the way to ask', () => {
    for (const asked of [
      ['history', 'photos', 'my', 'plan.txt'],
      ['history', 'entries', 'my plan.txt', '--dataset', 'photos'],
    ]) {
      const { status, stderr } = a.usync(...asked);
      assert.equal(status, 1);
      assert.match(stderr, /photos is a folder[\s\S]*usync history photos PATH[\s\S]*USYNC-1802/);
    }
  });

  test('undo takes back rows, says that the folder is left out, and refuses a folder alone', () => {
    const undo = ['undo', '--server', 'b', '--since', '1h'];
    assert.match(succeeded(a.usync(...undo)).stdout, /Left out: the folder photos\.[\s\S]*0 rows would be taken back/);
    const { status, stderr } = a.usync(...undo, '--dataset', 'photos', '--yes');
    assert.equal(status, 1);
    assert.match(stderr, /photos is a folder[\s\S]*usync files restore photos NUMBER[\s\S]*USYNC-1706/);
  });
});
