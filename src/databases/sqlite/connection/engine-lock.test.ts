/** Goal: exactly one engine on a database, also after a kill. Method: a second process takes the lock and is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { SyncError } from '../../../core/sync-error.js';
import { createRealSystem } from '../../../system/real-system.js';
import { engineHolding, takeEngineLock, type EngineLock } from './engine-lock.js';
import { temporaryFolder } from '../testing/temporary-folder.js';

const take = (realPath: string, server: string): EngineLock =>
  takeEngineLock({ realPath, server, dataFolder: `/data/${server}`, system: createRealSystem() });

test('a second engine is refused with the name of the first one, until that one releases', () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  assert.equal(engineHolding(path), null);
  const first = take(path, 'berlin');
  assert.throws(
    () => take(path, 'paris'),
    (error) =>
      error instanceof SyncError &&
      error.code === 'USYNC-1206' &&
      /"berlin".*\/data\/berlin/.test(error.message) &&
      error.facts['pid'] === process.pid,
  );
  const holder = engineHolding(path);
  assert.ok(holder !== null && holder !== 'unknown' && holder.server === 'berlin');
  first.release();
  first.release();
  assert.equal(engineHolding(path), null);
  take(path, 'paris').release();
});

test('engines on different databases of one folder do not know of each other', () => {
  using folder = temporaryFolder();
  const one = take(folder.path('a.db'), 'a');
  const two = take(folder.path('b.db'), 'b');
  one.release();
  two.release();
});

test('the lock of a killed engine is free at once, and refuses another process while it lives', async () => {
  using folder = temporaryFolder();
  const path = folder.path('app.db');
  const module = new URL('./engine-lock.js', import.meta.url).href;
  const system = new URL('../../../system/real-system.js', import.meta.url).href;
  const script = `
    const { takeEngineLock } = await import(${JSON.stringify(module)});
    const { createRealSystem } = await import(${JSON.stringify(system)});
    takeEngineLock({ realPath: process.argv[1], server: 'other', dataFolder: '/d', system: createRealSystem() });
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    assert.throws(
      () => take(path, 'here'),
      (error) => error instanceof SyncError && error.facts['pid'] === child.pid,
    );
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  assert.equal(engineHolding(path), null);
  take(path, 'here').release();
});
