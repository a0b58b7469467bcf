// Goal: what people decide at one server is known at every other, through the commands that they type.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ConflictInfo, ConflictList, RowHistoryInfo, UndoReport } from '../../src/engine/decisions.js';
import { foreignWriters, runShell } from './foreign-writers.js';
import {
  createWorkplace,
  formGroup,
  succeeded,
  untilProven,
  waitUntil,
  type ServerProcess,
  type Workplace,
} from './server-process.js';

const schema = 'PRAGMA journal_mode = WAL; CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT, Town TEXT);';

describe('decisions', { skip: foreignWriters.shell ? false : 'the sqlite3 shell is not installed' }, () => {
  let workplace: Workplace;
  let a: ServerProcess;
  let b: ServerProcess;

  beforeEach(async () => {
    workplace = createWorkplace();
    [a, b] = [await workplace.addServer('a'), await workplace.addServer('b')];
    for (const { database } of [a, b]) runShell(database, schema);
    await formGroup([a, b]);
    runShell(a.database, "INSERT INTO Artist VALUES (1, 'Ann', 'Aachen'), (2, 'Ben', 'Bonn'), (3, 'Cem', 'Celle')");
    await untilProven([a, b]);
  });
  afterEach(() => workplace.clear());

  const listed = (server: ServerProcess, ...more: string[]): readonly ConflictInfo[] =>
    (JSON.parse(succeeded(server.usync('--json', 'conflicts', 'list', ...more)).stdout) as ConflictList).conflicts;
  const artist = (server: ServerProcess, id: number): string =>
    runShell(server.database, `SELECT Name, Town FROM Artist WHERE ArtistId = ${id}`).trim();

  test('restored and dismissed at one server, a conflict is off the list of both', async () => {
    await b.end('SIGTERM');
    runShell(a.database, "UPDATE Artist SET Name = 'of a'; DELETE FROM Artist WHERE ArtistId = 3");
    runShell(b.database, "UPDATE Artist SET Name = 'of b'");
    await b.start();
    await untilProven([a, b]);
    assert.equal(artist(a, 1), 'of b|Aachen');
    const [first, second, third] = [1, 2, 3].map((id) => listed(a).find(({ key }) => key === String(id)));
    assert.ok(first && second && third);
    assert.deepEqual([first.lost, first.lostBy, first.keptBy], ["'of a'", 'a', 'b']);

    succeeded(a.usync('conflicts', 'restore', first.id.slice(0, 8)));
    assert.equal(b.usync('conflicts', 'dismiss').status, 2, 'no id and no --all is no wish');
    succeeded(b.usync('conflicts', 'dismiss', second.id));
    const asked = succeeded(a.usync('conflicts', 'restore', third.id));
    assert.match(asked.stdout, /will be put back by b/, 'a deleted the row and does not know it whole');
    await waitUntil('both lists are empty', 30_000, () =>
      Promise.resolve(listed(a).length === 0 && listed(b).length === 0),
    );
    await untilProven([a, b]);
    for (const server of [a, b]) {
      assert.equal(artist(server, 1), 'of a|Aachen', server.name);
      assert.equal(artist(server, 2), 'of b|Bonn', server.name);
      assert.equal(artist(server, 3), 'of b|Celle', server.name);
      assert.deepEqual(
        new Set(listed(server, '--all').map(({ decision }) => decision?.kind)),
        new Set(['restored', 'dismissed']),
      );
    }
    assert.match(succeeded(b.usync('conflicts', 'show', first.id)).stdout, /decision {2}restored by a/);
    assert.equal(a.usync('conflicts', 'restore', 'ffff').status, 1);
  });

  test('the history of a row names the server that wrote, and what it wrote can be taken back', async () => {
    const since = new Date(Date.now() - 1).toISOString();
    runShell(b.database, "UPDATE Artist SET Town = 'Nowhere'; INSERT INTO Artist VALUES (4, 'Unwanted', '')");
    await untilProven([a, b]);
    const history = JSON.parse(succeeded(a.usync('--json', 'history', 'Artist', '2')).stdout) as RowHistoryInfo;
    assert.deepEqual(
      history.versions.map(({ kind, by }) => `${by} ${kind}`),
      ['b update', 'a insert'],
    );
    const undo = ['undo', '--server', 'b', '--since', since];
    const preview = JSON.parse(succeeded(a.usync('--json', ...undo)).stdout) as UndoReport;
    assert.equal(preview.steps.length, 4);
    assert.equal(artist(a, 2), 'Ben|Nowhere', 'a preview changes nothing');
    succeeded(a.usync(...undo, '--yes'));
    await untilProven([a, b]);
    for (const server of [a, b]) {
      assert.deepEqual(
        [1, 2, 3, 4].map((id) => artist(server, id)),
        ['Ann|Aachen', 'Ben|Bonn', 'Cem|Celle', ''],
      );
    }
  });
});
