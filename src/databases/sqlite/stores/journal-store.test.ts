// What a peer is sent when a stream begins anew: what it lacks, in merge order, without a look at all that it has.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { originIdOf, type Epoch, type OriginId, type ServerId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { emptyChain, type VersionVector } from '../../../core/version-vector.js';
import { openConnection, type Connection, type Statement } from '../connection/driver.js';
import { createHistoryStore } from './history-store.js';
import { createJournalStore, type JournalStore } from './journal-store.js';
import { createMetaStore } from './meta-store.js';
import { createOriginStore, type OriginStore } from './origin-store.js';
import { createSyncTables } from './sync-tables.js';

const origins: readonly OriginId[] = ['a', 'b', 'c'].map((letter) =>
  originIdOf(letter.repeat(16) as ServerId, '00000001' as Epoch),
);
const vectorOf = (stamps: readonly number[]): VersionVector =>
  new Map(
    stamps.flatMap((stamp, i) => {
      const origin = origins[i];
      return origin && stamp > 0 ? [[origin, { stamp: stamp as Stamp, chain: emptyChain }] as const] : [];
    }),
  );

let connection: Connection;
let known: OriginStore;
let journal: JournalStore;
let rowsRead: number;

beforeEach(() => {
  connection = openConnection(':memory:');
  createSyncTables(connection);
  const meta = createMetaStore(connection);
  known = createOriginStore(connection, meta);
  const [me] = origins;
  if (me) known.setOwn(me);
  rowsRead = 0;
  const counting = { ...connection, prepare: (sql: string) => counted(connection.prepare(sql)) };
  journal = createJournalStore(counting, { origins: known, meta, histories: createHistoryStore(connection, known) });
});
afterEach(() => connection.close());

const counted = (statement: Statement): Statement => ({
  ...statement,
  all(...params) {
    const rows = statement.all(...params);
    rowsRead += rows.length;
    return rows;
  },
});

/** The next changeset of an origin, and what is told of it in a list that is read from its beginning. */
function merge(at: number, stamp: number): { readonly name: string; readonly gap: null } {
  const origin = origins[at];
  if (!origin) throw new Error('no such origin');
  const named = { origin, stamp: stamp as Stamp };
  journal.putPart({ ...named, part: 0, isLast: true, bytes: Uint8Array.of(at, stamp & 255) });
  journal.append({ ...named, prev: known.entry(origin).stamp, chain: emptyChain, parts: 1, bytes: 2 }, 0);
  known.advance(origin, { stamp: named.stamp, chain: emptyChain });
  return { name: `${at} ${stamp}`, gap: null };
}

const sent = (stamps: readonly number[]): string[] | 'needs a snapshot' => {
  const read = journal.read({ vector: vectorOf(stamps), after: 0, bytesMax: 1e9 });
  if (read.needsSnapshot) return 'needs a snapshot';
  return read.parts.map(({ origin, stamp }) => `${origins.indexOf(origin)} ${stamp}`);
};

test('a peer that lacks the newest changeset costs no look at all those before it', () => {
  connection.exec('BEGIN');
  for (let stamp = 1; stamp <= 3000; stamp++) merge(stamp % 2, stamp);
  connection.exec('COMMIT');
  assert.deepEqual(sent([2998, 2997]), ['1 2999', '0 3000']);
  assert.ok(rowsRead < 10, `${rowsRead} rows were read`);
});

/** Small and repeatable: the same seed gives the same journal. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8])
  test(`what a peer is sent is what a look at the whole journal finds, seed ${seed}`, () => {
    const random = randomOf(seed);
    const entries: { readonly name: string; readonly gap: readonly number[] | null }[] = [];
    const stamps = [0, 0, 0];
    const heldBefore = [[0], [0], [0]];
    for (let n = 0; n < 40; n++) {
      const at = random(3);
      stamps[at] = (stamps[at] ?? 0) + 1 + random(3);
      heldBefore[at]?.push(stamps[at] ?? 0);
      if (random(10) > 0) entries.push(merge(at, stamps[at]));
      else {
        // A snapshot brought this instead.
        for (const [origin, entry] of vectorOf(stamps)) known.advance(origin, entry);
        journal.appendGap(vectorOf(stamps), 0);
        entries.push({ name: '', gap: [...stamps] });
      }
    }
    for (let n = 0; n < 200; n++) {
      const isNear = random(2) === 0;
      const peer = heldBefore.map((held) => held[held.length - 1 - random(isNear ? 2 : held.length)] ?? 0);
      assert.deepEqual(sent(peer), expected(entries, peer, stamps), `a peer that holds ${peer.join(' ')}`);
    }
  });

/** The same by rule R9.2: from the first marker on that the peer does not cover, nothing. */
function expected(
  entries: readonly { readonly name: string; readonly gap: readonly number[] | null }[],
  peer: readonly number[],
  own: readonly number[],
): string[] | 'needs a snapshot' {
  const names: string[] = [];
  if (own.every((stamp, at) => (peer[at] ?? 0) >= stamp)) return names;
  const held = [...peer];
  for (const { name, gap } of entries) {
    if (gap?.some((stamp, at) => (held[at] ?? 0) < stamp)) return names.length === 0 ? 'needs a snapshot' : names;
    const [at = 0, stamp = 0] = name === '' ? [] : name.split(' ').map(Number);
    if (stamp > (peer[at] ?? 0)) names.push(name);
    held[at] = Math.max(held[at] ?? 0, stamp);
  }
  return names;
}
