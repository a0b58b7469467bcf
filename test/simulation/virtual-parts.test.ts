// The machinery of the simulation itself: order of events, channels, the ledger's eyes.
import { DatabaseSync } from '@photostructure/sqlite';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLedger } from './ledger.js';
import { createRandom } from './random.js';
import { createNetwork } from './simulated-network.js';
import { createSuccessions } from './successions.js';
import { createVirtualTime } from './virtual-time.js';

void test('events run in order of time, then of making, and promises go on between them', async () => {
  const time = createVirtualTime(100);
  const seen: string[] = [];
  time.at(5, () => seen.push('late'));
  time.at(1, () => {
    void Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => seen.push('promise of the first'));
    seen.push('first');
  });
  time.at(1, () => seen.push('second'));
  const cancel = time.at(2, () => seen.push('never'));
  cancel();
  await time.runUntil(10);
  assert.deepEqual(seen, ['first', 'promise of the first', 'second', 'late']);
  assert.equal(time.nowMs(), 10);
});

void test('frames arrive in order; a cut direction holds them back until it heals', async () => {
  const time = createVirtualTime(1_000);
  const network = createNetwork(time, createRandom('channels'), { latencyMsMin: 0, latencyMsMax: 50, noticeMsMax: 10 });
  const [near, far] = network.connect(0, 1) ?? assert.fail('not connected');
  const got: number[] = [];
  const closed: string[] = [];
  far.listen({
    onFrame: (frame) => got.push(frame[0] ?? -1),
    onDrain: () => undefined,
    onClose: (reason) => closed.push(reason),
  });
  near.listen({ onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined });
  for (let number = 0; number < 20; number++) near.send(Uint8Array.of(number));
  await time.runUntil(200);
  network.cut(0, 1);
  near.send(Uint8Array.of(20));
  await time.runUntil(400);
  assert.equal(got.length, 20);
  assert.equal(network.connect(1, 0), null);
  network.heal(0, 1);
  near.send(Uint8Array.of(21));
  near.close('done');
  await time.runUntil(600);
  assert.deepEqual(
    got,
    Array.from({ length: 22 }, (_, number) => number),
  );
  assert.deepEqual(closed, ['done']);
  assert.equal(near.queuedBytes, 0);
});

void test('nothing arrives on a broken channel after a frame that was lost with it', async () => {
  const time = createVirtualTime(1_000);
  const network = createNetwork(time, createRandom('broken'), { latencyMsMin: 0, latencyMsMax: 0, noticeMsMax: 5_000 });
  const [near, far] = network.connect(0, 1) ?? assert.fail('not connected');
  const got: number[] = [];
  far.listen({ onFrame: (frame) => got.push(frame[0] ?? -1), onDrain: () => undefined, onClose: () => undefined });
  network.cut(0, 1);
  near.send(Uint8Array.of(1));
  network.breakChannels(0, 1);
  network.heal(0, 1);
  near.send(Uint8Array.of(2));
  await time.runUntil(10_000);
  assert.deepEqual(got, []);
});

void test('a process that is gone hears nothing, its peer hears that the connection is reset', async () => {
  const time = createVirtualTime(1_000);
  const network = createNetwork(time, createRandom('gone'), { latencyMsMin: 0, latencyMsMax: 5, noticeMsMax: 10 });
  const [near, far] = network.connect(0, 1) ?? assert.fail('not connected');
  const heard: string[] = [];
  near.listen({
    onFrame: () => heard.push('near frame'),
    onDrain: () => heard.push('near drain'),
    onClose: () => heard.push('near close'),
  });
  far.listen({
    onFrame: () => heard.push('far frame'),
    onDrain: () => undefined,
    onClose: (reason) => heard.push(reason),
  });
  far.send(Uint8Array.of(1));
  network.dropServer(0);
  await time.runUntil(100);
  assert.deepEqual(heard, ['connection reset']);
});

const dump = (...rows: string[][]) => [{ name: 't', columns: ['k', 'born', 'c'], rows }];

void test('the ledger knows what stands, what was overwritten, and forgets what a restore undid', () => {
  const table = {
    name: 't',
    key: { kind: 'natural', columns: [{ name: 'k', type: 'TEXT', collation: '' }], isWithoutRowid: false },
    bornColumn: 'born',
    columns: [],
    references: [],
  } as const;
  const ledger = createLedger([table]);
  ledger.note(0, dump(), dump(['1', 'text:w1~', 'text:w2~']));
  ledger.note(0, dump(['1', 'text:w1~', 'text:w2~']), dump(['1', 'text:w1~', 'text:w3~']));
  assert.deepEqual(
    ledger.standing().map(({ token }) => token),
    ['w1~', 'w3~'],
  );
  const mark = ledger.mark();
  ledger.note(0, dump(['1', 'text:w1~', 'text:w3~']), dump());
  assert.deepEqual(
    ledger.deleted().map(({ token }) => token),
    ['w1~'],
  );
  ledger.forget(0, mark);
  assert.deepEqual(ledger.deleted(), []);
  assert.ok(ledger.isAllowed('t', 'c', 'text:w2~'));
  assert.ok(!ledger.isAllowed('t', 'c', 'text:w9~'));
});

void test('who deletes one of two copies of a row may have deleted what it held in columns that are not there yet', () => {
  const bag = { name: 't', key: { kind: 'bag' }, bornColumn: 'born', columns: [], references: [] } as const;
  const ahead = { name: 't', columns: ['born', 'c', 'added'], rows: [['text:w1~', 'text:w2~', 'text:w3~']] };
  const behind = (...values: string[]) => [
    { name: 't', columns: ['born', 'c'], rows: values.map((value) => ['text:w1~', value]) },
  ];
  const standing = (deletes: boolean): readonly string[] => {
    const ledger = createLedger([bag]);
    ledger.note(0, [{ ...ahead, rows: [] }], [ahead]);
    // A copy of the row is edited before its server joins.
    ledger.note(1, behind('text:w2~'), behind('text:w4~'));
    ledger.noteOutside([...behind('text:w2~'), ...behind('text:w4~')]);
    ledger.note(2, behind('text:w2~', 'text:w4~'), behind(...(deletes ? [] : ['text:w5~']), 'text:w4~'));
    return ledger.standing().map(({ token }) => token);
  };
  assert.ok(standing(false).includes('w3~'), 'whoever edits a copy deletes nothing unseen');
  assert.ok(!standing(true).includes('w3~'));
});

void test('a row goes on as the one at its number, unless that was deleted or it came from another number', () => {
  using db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, born TEXT, word TEXT UNIQUE)');
  db.exec('CREATE TRIGGER _usync_i1 AFTER INSERT ON t BEGIN SELECT 1; END');
  const table = {
    name: 't',
    key: { kind: 'generated', column: 'id', isAutoincrement: false },
    bornColumn: 'born',
    columns: [],
    references: [],
    uniquePolicy: 'hold',
  } as const;
  const successions = createSuccessions({ tables: [table] });
  const run = (sqls: readonly string[], isKept = true): void => {
    const transaction = successions.begin(0, { db, tables: [{ ...table, isAbsent: false }] });
    for (const sql of sqls) {
      db.exec(sql);
      transaction.note(sql);
    }
    if (isKept) transaction.commit();
  };
  const formers = (): (string | undefined)[] =>
    ['w1~', 'w2~', 'w3~', 'w4~', 'w5~', 'w6~'].map((token) => successions.formerOf(token)?.former);
  run([
    "INSERT INTO t VALUES (1, 'w1~', 'a')",
    "REPLACE INTO t VALUES (1, 'w2~', 'b')",
    // Another number, the same word: the row at 1 is gone, and no trigger told.
    "REPLACE INTO t VALUES (2, 'w3~', 'b')",
  ]);
  assert.deepEqual(formers(), [undefined, 'w1~', undefined, undefined, undefined, undefined]);
  run(["INSERT INTO t VALUES (1, 'w4~', NULL)", 'UPDATE t SET id = 7 WHERE id = 1']);
  run(["INSERT INTO t VALUES (1, 'w5~', NULL)"]);
  run(['DELETE FROM t WHERE id = 2', "INSERT INTO t VALUES (2, 'w6~', NULL)"]);
  assert.deepEqual(formers(), [undefined, 'w1~', undefined, 'w2~', undefined, undefined]);
});
