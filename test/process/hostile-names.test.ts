// Goal: names of tables, columns, files and values cannot steer the terminal of who asks, nor the log. Method: a real server
// with a corpus of such names; every command that shows names is asked, and its output looked at byte by byte.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openConnection } from '../../src/databases/sqlite/connection/driver.js';
import { hostileFileNames, hostileNames, quotedName, steering } from '../http/hostile-names.js';
import { createWorkplace, joinGroup, untilProven, waitUntil, type ServerProcess } from './server-process.js';

const tables = hostileNames.map((name) => quotedName(name));
const schema = tables.map((name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, ${name} TEXT);`).join('\n');

function write({ database }: ServerProcess, sql: string, ...values: readonly string[]): void {
  const connection = openConnection(database, { busyTimeoutMs: 10_000 });
  connection.exec('PRAGMA journal_mode = WAL');
  if (values.length === 0) connection.exec(sql);
  else connection.prepare(sql).run(...values);
  connection.close();
}

describe('hostile names on the command line', () => {
  const workplace = createWorkplace();
  let a: ServerProcess;
  let b: ServerProcess;

  before(async () => {
    const datasets = [
      { name: 'music', sqlite: 'music.db' },
      { name: 'photos', folder: 'photos' },
    ];
    [a, b] = [await workplace.addServer('a', datasets), await workplace.addServer('b', datasets)];
    for (const server of [a, b]) {
      mkdirSync(join(server.folder, 'photos'));
      write(server, schema);
    }
    for (const [at, table] of tables.entries()) write(a, `INSERT INTO ${table} VALUES (1, ?)`, hostileNames[at] ?? '');
    for (const name of hostileFileNames) writeFileSync(join(a.folder, 'photos', name), name);
    await a.start();
    await b.start();
    await joinGroup(a, b);
    await untilProven([a, b]);
    await b.end('SIGKILL');
    for (const table of tables) {
      write(a, `UPDATE ${table} SET ${table} = ?`, `${table} by a`);
      write(b, `UPDATE ${table} SET ${table} = ?`, `${table} by b`);
    }
    for (const name of hostileFileNames) writeFileSync(join(a.folder, 'photos', name), 'second');
    await b.start();
    await untilProven([a, b]);
    await waitUntil('the conflicts are known', 60_000, async () =>
      (await a.status()).datasets.some(({ conflicts }) => conflicts > 0),
    );
  });
  after(() => workplace.clear());

  test('no command lets through what steers a terminal', () => {
    const commands: readonly (readonly string[])[] = [
      ['status'],
      ['check'],
      ['verify', '--audit'],
      ['conflicts', 'list'],
      ['quarantine', 'list'],
      ['files', 'show', 'photos'],
      ['files', 'history', 'photos'],
      ['history', 'photos'],
      ...hostileFileNames.map((name) => ['history', 'photos', name]),
      ['servers', 'list'],
      ['doctor'],
      ['undo', '--server', 'b', '--since', '1h', '--dry-run'],
      ...hostileNames.map((name) => ['history', name, '1']),
      ...hostileNames.map((name) => ['files', 'show', name]),
      ...hostileNames.map((name) => ['servers', 'remove', name]),
    ];
    let shown = 0;
    for (const command of commands) {
      const { stdout, stderr } = a.usync(...command);
      for (const line of `${stdout}\n${stderr}`.split('\n'))
        assert.doesNotMatch(line, steering, `${command.join(' ')}: ${JSON.stringify(line)}`);
      if (hostileNames.some((name) => stdout.includes(name.slice(0, 8)))) shown += 1;
    }
    assert.ok(shown >= 3, `only ${shown} commands showed a name`);
  });

  test('with --json names are as they are, in text that JSON can hold', () => {
    const { stdout } = a.usync('--json', 'conflicts', 'list');
    const text = JSON.stringify(JSON.parse(stdout));
    for (const name of hostileNames) assert.ok(text.includes(JSON.stringify(name).slice(1, -1)), name);
  });

  test('the log of a server has one line a record, and nothing in it steers a terminal', () => {
    for (const line of a.log().split('\n')) assert.doesNotMatch(line, steering, JSON.stringify(line));
  });
});
