// Goal: a replica is at work while something long is under way, and not while it is only asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Replica, SnapshotWriter } from '../databases/replica.js';
import { createCountedReplica } from './counted-replica.js';

test('merging, draining and a snapshot that lands are work until they end or fail; questions are not', async () => {
  const ends: { resolve: (value: never) => void; reject: (error: Error) => void }[] = [];
  const open = (): Promise<never> => new Promise((resolve, reject) => ends.push({ resolve, reject }));
  const methods = ['merge', 'drain', 'position', 'proof', 'openSnapshot', 'finish', 'add'];
  const late = Object.fromEntries(methods.map((name) => [name, open])) as unknown as Replica;
  const writer = { add: open, finish: open } as unknown as SnapshotWriter;
  const counted = createCountedReplica({ ...late, receiveSnapshot: () => Promise.resolve(writer) });
  const { replica } = counted;
  void replica.position();
  void replica.proof();
  assert.equal(counted.isAtWork(), false);
  const [merging, draining] = [replica.merge([]), replica.drain()];
  assert.equal(counted.isAtWork(), true);
  ends[2]?.reject(new Error('the disk is full'));
  await assert.rejects(merging);
  assert.equal(counted.isAtWork(), true);
  ends[3]?.resolve(null as never);
  await draining;
  assert.equal(counted.isAtWork(), false);
  const received = await replica.receiveSnapshot(new Map());
  assert.equal(counted.isAtWork(), false);
  const landing = received.finish();
  assert.equal(counted.isAtWork(), true);
  ends[4]?.resolve(null as never);
  await landing;
  assert.equal(counted.isAtWork(), false);
});
