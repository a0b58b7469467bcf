/** The witness outside the database: what went back in time is noticed before the first drain. Real files. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { originIdOf, type Epoch, type ServerId } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import { emptyChain } from '../core/version-vector.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import { createRealSystem } from '../system/real-system.js';
import { createWitnessStore, epochReason, type OpenedDatabase, type Witness } from './witness.js';

const server = 'abcdefghijklmnop' as ServerId;
const origin = originIdOf(server, '00000001' as Epoch);
const witness: Witness = { databaseId: 'db', origin, stamp: 100 as Stamp, bootId: 'boot-1', isClean: false };
const now = { server, bootId: 'boot-1' };

const opened = (stamp: number, more: Partial<OpenedDatabase> = {}): OpenedDatabase => ({
  databaseId: 'db',
  origin,
  vector: new Map([[origin, { stamp: stamp as Stamp, chain: emptyChain }]]),
  isFresh: false,
  isOlder: false,
  ...more,
});

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'usync-witness-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const storeIn = async (folder: string) =>
  createWitnessStore(await openDiskDataFiles(folder, createRealSystem()), 'shop');

test('the database that was left behind, or a newer one after a kill, keeps its epoch', () => {
  const sealed = { witness, isSealIntact: true };
  assert.equal(epochReason(sealed, opened(100), now), null);
  assert.equal(epochReason(sealed, opened(120), now), null);
});

test('an older database, another one, one of another server, and a lost memory begin a new epoch', () => {
  const sealed = { witness, isSealIntact: true };
  assert.match(epochReason(sealed, opened(99), now) ?? '', /older/);
  assert.match(epochReason(sealed, opened(100, { isOlder: true }), now) ?? '', /older/, 'seen without the witness');
  assert.match(epochReason(sealed, opened(100, { databaseId: 'other' }), now) ?? '', /another one/);
  assert.match(epochReason(null, opened(100), now) ?? '', /no memory/);
  const foreign = originIdOf('ppppppppppppppp2' as ServerId, '00000001' as Epoch);
  assert.match(epochReason(sealed, opened(100, { origin: foreign }), now) ?? '', /another server/);
});

test('a database that is no part of the dataset yet needs no new epoch', () => {
  assert.equal(epochReason(null, opened(0, { isFresh: true }), now), null);
});

test('a new epoch after an unclean boot, not after a kill and not after an orderly end', () => {
  const boot = { server, bootId: 'boot-2' };
  assert.match(epochReason({ witness, isSealIntact: true }, opened(100), boot) ?? '', /without warning/);
  assert.equal(epochReason({ witness: { ...witness, isClean: true }, isSealIntact: true }, opened(100), boot), null);
  assert.match(
    epochReason({ witness, isSealIntact: true }, opened(100), { server, bootId: null }) ?? '',
    /without warning/,
  );
});

test('a written witness is read back with its seal intact, also after its folder was moved', async (context) => {
  const folder = folderOf(context);
  await (await storeIn(join(folder, 'a'))).write(witness);
  renameSync(join(folder, 'a'), join(folder, 'b'));
  assert.deepEqual(await (await storeIn(join(folder, 'b'))).read(), { witness, isSealIntact: true });
});

test('a copied data folder is noticed even with all times kept', async (context) => {
  const folder = folderOf(context);
  await (await storeIn(join(folder, 'a'))).write(witness);
  cpSync(join(folder, 'a'), join(folder, 'b'), { recursive: true, preserveTimestamps: true });
  assert.equal((await (await storeIn(join(folder, 'b'))).read())?.isSealIntact, false);
});

test('an older witness put back over the newer one is noticed', async (context) => {
  const folder = folderOf(context);
  const store = await storeIn(folder);
  await store.write(witness);
  cpSync(join(folder, 'witness-shop.json'), join(folder, 'old'));
  await store.write({ ...witness, stamp: 200 as Stamp });
  renameSync(join(folder, 'old'), join(folder, 'witness-shop.json'));
  assert.equal((await store.read())?.isSealIntact, false);
});

test('a damaged witness is no memory, not a crash', async (context) => {
  const folder = folderOf(context);
  const files = await openDiskDataFiles(folder, createRealSystem());
  await files.write('witness-shop.json', '{"databaseId":');
  const read = await createWitnessStore(files, 'shop').read();
  assert.notEqual(epochReason(read, opened(100), now), null);
});
