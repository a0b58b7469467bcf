/**
 * Goal: two and more servers with sessions between them end equal, send little twice, and survive cuts and failures.
 * Method: real sessions and the real runner over memory links in virtual time, on replicas in memory that check what
 * the contract of replicas promises. The numbers S1 to S14 are the invariants of docs/protocol.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { connect, createModelServer, type ModelServer } from '../../test/model-replica/model-servers.js';
import { createVirtualSystem } from '../../test/model-replica/virtual-system.js';

const isProven = (...servers: readonly ModelServer[]): boolean =>
  servers.every((server) => server.status().length > 0 && server.status().every((dataset) => dataset.isProven));

function assertEqual(...servers: readonly ModelServer[]): void {
  const [first, ...others] = servers.map((server) => Object.fromEntries(server.replica.rows));
  for (const other of others) assert.deepEqual(other, first);
}

test('a change reaches the peer at once and both prove it (S1)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  connect(system, [a, b]);
  await system.run(100);
  await a.write('apple', '1');
  await system.run(10);
  assert.equal(b.replica.rows.get('apple'), '1');
  await system.run(1000);
  assert.ok(isProven(a, b), JSON.stringify(a.status()[0]?.state));
});

test('what a drain told of the journal goes out without another call, if the session has read so far', async () => {
  for (const [after, calls] of [
    [1, 0],
    [7, 1],
  ] as const) {
    const system = createVirtualSystem();
    const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
    const { sessions } = connect(system, [a, b]);
    await a.write('pear', '1');
    await system.run(1000);
    a.replica.write('apple', '1');
    const { vector } = await a.replica.position();
    await a.replica.drain();
    const position = await a.replica.position();
    const { parts } = await a.replica.readJournal({ vector, after: 1, bytesMax: 1e6 });
    const before = a.replica.counts.calls;
    sessions[0].changed('shop', { position, news: { after, next: after + 1, parts } });
    await system.run(10);
    assert.equal(a.replica.counts.calls - before, calls);
    assert.equal(b.replica.rows.get('apple'), '1');
    await system.run(1000);
    assert.ok(isProven(a, b));
  }
});

test('what was written while cut off crosses in both directions after the link is back', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  for (let i = 0; i < 500; i++) await a.write(`a${i}`, 'x'.repeat(3000));
  for (let i = 0; i < 500; i++) await b.write(`b${i}`, 'y'.repeat(3000));
  const link = connect(system, [a, b], { delayMs: () => 20, bytesPerSecond: 1_000_000 });
  await system.run(700);
  link.cut('pulled');
  await system.run(500);
  assert.ok(a.replica.rows.size > 500 && a.replica.rows.size < 1000, `part of it crossed: ${a.replica.rows.size}`);
  connect(system, [a, b], { delayMs: () => 20 });
  await system.run(5000, () => isProven(a, b));
  assertEqual(a, b);
  assert.equal(a.replica.rows.size, 1000);
  assert.ok(isProven(a, b));
});

test('at rest nothing flows but keep-alives, and nothing echoes (S9)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const { sessions } = connect(system, [a, b]);
  await a.write('apple', '1');
  await system.run(3000);
  const merges = a.replica.counts.merges + b.replica.counts.merges;
  const before = sessions[0].status().bytesOut;
  await system.run(60_000);
  assert.equal(a.replica.counts.merges + b.replica.counts.merges, merges);
  const bytes = sessions[0].status().bytesOut - before;
  assert.ok(bytes < 2000, `${bytes} bytes in a minute`);
  assert.equal(a.replica.counts.parts, 0, 'the own change came back');
});

test('a fresh replica takes a snapshot first, then the stream (S5)', async () => {
  const system = createVirtualSystem();
  const a = createModelServer(system, 'a');
  const b = createModelServer(system, 'b', { isFresh: true });
  for (let i = 0; i < 2000; i++) await a.write(`k${i}`, `v${i}`);
  connect(system, [a, b]);
  await system.run(3000, () => isProven(a, b));
  assertEqual(a, b);
  assert.equal(b.replica.counts.snapshots, 1);
  assert.ok(isProven(a, b), JSON.stringify([a.status()[0]?.state, b.status()[0]?.state]));
});

test('a peer behind the tail of the journal gets a snapshot', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  for (let i = 0; i < 50; i++) await a.write(`k${i}`, `v${i}`);
  await b.write('own', 'b');
  a.replica.forgetJournal();
  connect(system, [a, b]);
  await system.run(3000, () => isProven(a, b));
  assertEqual(a, b);
  assert.equal(b.replica.counts.snapshots, 1);
});

test('two fresh replicas do not wait for each other for ever (S6)', async () => {
  const system = createVirtualSystem();
  const a = createModelServer(system, 'a', { isFresh: true });
  const b = createModelServer(system, 'b', { isFresh: true });
  a.replica.write('here', 'first');
  connect(system, [a, b]);
  await system.run(6000, () => isProven(a, b));
  assertEqual(a, b);
  assert.equal(b.replica.rows.get('here'), 'first');
});

test('a changeset larger than frame, credit and queue crosses whole', async () => {
  const system = createVirtualSystem();
  const a = createModelServer(system, 'a', { partBytes: 5_000_000 });
  const b = createModelServer(system, 'b');
  await a.write('large', 'x'.repeat(24_000_000));
  connect(system, [a, b]);
  await system.run(3000, () => isProven(a, b));
  assert.equal(b.replica.rows.get('large')?.length, 24_000_000);
});

test('changes travel through an intermediary', async () => {
  const system = createVirtualSystem();
  const [a, b, c] = [createModelServer(system, 'a'), createModelServer(system, 'b'), createModelServer(system, 'c')];
  connect(system, [a, b]);
  connect(system, [b, c]);
  await system.run(200);
  await a.write('far', '1');
  await system.run(20);
  assert.equal(c.replica.rows.get('far'), '1');
});

test('in a full mesh a change is merged once by each server (S4)', async () => {
  const system = createVirtualSystem();
  const servers = ['a', 'b', 'c', 'd'].map((letter) => createModelServer(system, letter));
  for (const [i, one] of servers.entries()) for (const other of servers.slice(i + 1)) connect(system, [one, other]);
  await system.run(500);
  for (let i = 0; i < 40; i++) {
    await servers[i % 4]?.write(`k${i}`, 'v');
    await system.run(7);
  }
  await system.run(3000);
  assertEqual(...servers);
  const parts = servers.reduce((sum, server) => sum + server.replica.counts.parts, 0);
  assert.equal(parts, 40 * 3);
});

test('a server that returns fetches what several peers hold from one of them', async () => {
  const system = createVirtualSystem();
  const [a, b, c] = [createModelServer(system, 'a'), createModelServer(system, 'b'), createModelServer(system, 'c')];
  connect(system, [a, b]);
  for (let i = 0; i < 1000; i++) await a.write(`k${i}`, 'x'.repeat(10_000));
  await system.run(5000);
  connect(system, [a, c], { bytesPerSecond: 5_000_000 });
  connect(system, [b, c], { bytesPerSecond: 5_000_000 });
  await system.run(20_000, () => isProven(a, b, c));
  assertEqual(a, b, c);
  const covered = c.replica.counts.covered / 1000;
  assert.ok(covered < 0.06, `${covered} of it came twice`);
});

test('a failing dataset pauses alone with its reason, tells the peer, and is tried again (S8)', async () => {
  const system = createVirtualSystem();
  const datasets = ['shop', 'chat'];
  const [a, b] = [createModelServer(system, 'a', { datasets }), createModelServer(system, 'b', { datasets })];
  connect(system, [a, b]);
  await system.run(100);
  b.replica.fail(new SyncError('USYNC-1207', 'The disk of b is full.'));
  await a.write('apple', '1');
  await a.write('word', '2', 'chat');
  await system.run(3000);
  assert.equal(b.replicas.get('chat')?.rows.get('word'), '2');
  assert.equal(b.replica.rows.size, 0);
  const here = b.status().find((status) => status.dataset === 'shop');
  const there = a.status().find((status) => status.dataset === 'shop');
  assert.match(here?.state ?? '', /paused here: The disk of b is full/);
  assert.match(there?.state ?? '', /paused at the peer: The disk of b is full/);
  b.replica.fail(null);
  await system.run(31_000, () => isProven(a, b));
  assert.equal(b.replica.rows.get('apple'), '1');
  assert.ok(b.events.some((event) => event.kind === 'loop-recovered'));
});

test('a silent peer is dead after at most 15 seconds (S10)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const link = connect(system, [a, b]);
  await system.run(1000);
  link.silence(1);
  await system.run(15_000);
  const end = await link.sessions[0].closed;
  assert.equal(end.code, 'USYNC-1505');
});

test('rows that were lost with their table come back by a snapshot, and are proven then', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  connect(system, [a, b]);
  await a.write('apple', '1');
  await a.write('pear', '2');
  await system.run(2000);
  assert.ok(isProven(a, b));
  b.replica.lose('pear');
  await system.run(40_000);
  assert.equal(b.replica.rows.get('pear'), '2');
  assert.equal(b.replica.counts.snapshots, 1);
  assert.ok(isProven(a, b));
});

test('a peer that cannot bring back what was lost is not asked again and again, and nobody shows it as in sync', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  connect(system, [a, b]);
  await a.write('apple', '1');
  await system.run(2000);
  b.replica.damage('apple');
  b.replica.lose('no such row');
  await system.run(100_000);
  assert.equal(b.replica.counts.snapshots, 1);
  assert.equal(a.status()[0]?.kind, 'differs');
  assert.equal(b.status()[0]?.kind, 'differs');
});

test('differing rows at equal vectors are reported, never shown as in sync (S11)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const { sessions } = connect(system, [a, b]);
  await a.write('apple', '1');
  await a.write('pear', '2');
  await system.run(2000);
  assert.ok(isProven(a, b));
  b.replica.damage('pear');
  await system.run(70_000);
  assert.equal(a.status()[0]?.kind, 'differs');
  assert.deepEqual(a.status()[0]?.differing, ['things']);
  const asked = sessions[0].ask('shop', { kind: 'sums', table: 'things', buckets: 8 });
  await system.run(100);
  const sums = await asked;
  assert.equal(sums.kind, 'sums');
  const here = await a.replica.bucketSums({ table: 'things', buckets: 8 });
  const chosen = sums.kind === 'sums' ? here.flatMap((sum, at) => (sum === sums.sums[at] ? [] : [at])) : [];
  assert.equal(chosen.length, 1);
  const rows = sessions[0].ask('shop', { kind: 'rows', table: 'things', buckets: 8, chosen, rowsMax: 10 });
  await system.run(100);
  const answer = await rows;
  assert.ok(answer.kind === 'rows' && answer.rows.some((row) => row.key[0] === 'pear'));
});

test('a restored backup gets its lost tail back and goes on under a new epoch (S7)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const link = connect(system, [a, b]);
  await a.write('kept', '1');
  await system.run(500);
  const image = a.replica.backup();
  await a.write('lost', '2');
  await system.run(500);
  link.cut('server restarts');
  await system.run(100);
  a.replica.restore(image);
  connect(system, [a, b]);
  await system.run(500);
  await a.write('after', '3');
  await system.run(3000, () => isProven(a, b));
  assertEqual(a, b);
  assert.deepEqual([...a.replica.rows.keys()].toSorted(), ['after', 'kept', 'lost']);
  assert.ok(a.reports.some((report) => report.kind === 'went-back'));
});

test('a restored backup that wrote on is a fork: its branch is re-issued, both histories survive (S7)', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const link = connect(system, [a, b]);
  await a.write('kept', '1');
  await system.run(500);
  const image = a.replica.backup();
  await a.write('theirs', '2');
  await system.run(500);
  link.cut('server restarts');
  await system.run(100);
  a.replica.restore(image);
  await a.write('ours', '3');
  connect(system, [a, b]);
  await system.run(20_000, () => isProven(a, b) && a.replica.rows.size === 3);
  assertEqual(a, b);
  assert.deepEqual([...b.replica.rows.keys()].toSorted(), ['kept', 'ours', 'theirs']);
});

test('nothing is sent from a dataset that is landing', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  a.replica.setLanding(true);
  await a.write('apple', '1');
  connect(system, [a, b]);
  await system.run(2000);
  assert.equal(b.replica.rows.size, 0);
  assert.match(b.status()[0]?.state ?? '', /landing at the peer/);
  a.replica.setLanding(false);
  await system.run(2000);
  assert.equal(b.replica.rows.get('apple'), '1');
});

test('acknowledgements are durable vectors that come after a flush', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  connect(system, [a, b]);
  await system.run(1000);
  const before = b.replica.counts.flushes;
  for (let i = 0; i < 20; i++) await a.write(`k${i}`, 'v');
  await system.run(1000);
  assert.ok(b.replica.counts.flushes - before <= 3, 'flushes are grouped');
  assert.equal(a.status()[0]?.unacknowledged.origins, 0);
});
