// Goal: who waits for a group that will never answer gets on without it. Method: real servers; the only member is killed
// for good before it let the other one in.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createMusicDatabase } from './music-database.js';
import {
  createWorkplace,
  formGroup,
  joinGroup,
  succeeded,
  untilProven,
  type ServerProcess,
  type Workplace,
} from './server-process.js';

let workplace: Workplace;
let waiting: ServerProcess;

beforeEach(async () => {
  workplace = createWorkplace();
  const gone = await workplace.addServer('gone');
  waiting = await workplace.addServer('waiting');
  for (const server of [gone, waiting]) {
    createMusicDatabase(server.database, 'plain');
    await server.start();
  }
  const { code } = JSON.parse(succeeded(gone.usync('--json', 'invite', '--approve')).stdout) as { code: string };
  assert.match(succeeded(waiting.usync('join', code)).stdout, /Waiting for approval/);
  await gone.end('SIGKILL');
});
afterEach(() => workplace.clear());

test('a server whose inviter is gone before it was let in joins another group by its code', async () => {
  const other = await workplace.addServer('other');
  createMusicDatabase(other.database, 'plain');
  await formGroup([other]);
  await joinGroup(other, waiting, '--same-rows');
  await untilProven([other, waiting]);
});

test('a server whose inviter is gone before it was let in begins a group of its own under a new identity', async () => {
  const refused = waiting.usync('invite');
  assert.match(refused.stderr, /USYNC-1405/);
  assert.match(refused.stderr, /usync init --new-identity/);
  await waiting.end('SIGTERM');
  succeeded(waiting.usync('init', '--new-identity'));
  await waiting.start();
  const next = await workplace.addServer('next');
  createMusicDatabase(next.database, 'plain');
  await next.start();
  await joinGroup(waiting, next, '--same-rows');
  await untilProven([waiting, next]);
});
