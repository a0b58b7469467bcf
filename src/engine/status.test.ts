// What a status tells of clocks and of servers that went back in time. Facts in, problems out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originIdOf, type Epoch, type ServerId } from '../core/origin.js';
import { stampOfMs } from '../core/stamp.js';
import { emptyChain } from '../core/version-vector.js';
import type { DatasetLook } from './dataset-look.js';
import { engineStatus } from './status.js';
import type { DatasetInput, PeerInput, StatusFacts } from './status-facts.js';

const nowMs = Date.UTC(2026, 0, 1);
const [self, pit] = ['a'.repeat(16) as ServerId, 'b'.repeat(16) as ServerId];
const hourMs = 3_600_000;

interface Given {
  readonly clockOffsetMs?: number;
  readonly stampAheadMs?: number;
  readonly epochChange?: DatasetInput['facts']['epochChange'];
  readonly provenAtMs?: number;
  /** The server was removed, and the peer said so. */
  readonly isRemoved?: boolean;
  /** Folders that are not watched; null: the dataset is a database. */
  readonly unwatched?: number | null;
}

function problemsOf(given: Given): string[] {
  const { clockOffsetMs, stampAheadMs = 0, epochChange = null, provenAtMs, isRemoved, unwatched = null } = given;
  const stamp = stampOfMs(nowMs + stampAheadMs);
  const vector = new Map([[originIdOf(pit, '00000001' as Epoch), { stamp, chain: emptyChain }]]);
  const origin = originIdOf(self, '00000001' as Epoch);
  const position = { origin, vector, tail: new Map(), isLanding: false, isFresh: false, journalBytes: 0 };
  const look: DatasetLook = {
    position,
    tables: [],
    proof: null,
    conflicts: [],
    quarantined: 0,
    folder:
      unwatched === null
        ? null
        : {
            entries: 1,
            bytes: 1,
            pending: 0,
            unsettled: 0,
            isReading: false,
            waiting: 0,
            leftOut: 0,
            unwatched,
            problem: null,
          },
    unansweredMs: 0,
  };
  const dataset = {
    config: { name: 'shop' },
    isInternal: false,
    facts: {
      isOpen: true,
      report: null,
      lastFailure: null,
      selfTest: { kind: 'passed', atMs: 0 },
      work: null,
      epochChange,
    },
    look,
    openConflicts: 0,
    counters: {},
  } as unknown as DatasetInput;
  const peer = {
    listed: { id: pit, name: 'pit-3', state: 'member', datasets: ['shop'], addresses: [] },
    session: clockOffsetMs === undefined ? null : { stage: 'open', clockOffsetMs, datasets: [], lastHeardMs: 0 },
    proofByDataset: new Map(provenAtMs === undefined ? [] : [['shop', { atMs: provenAtMs }]]),
    ackedByDataset: new Map(),
    link: null,
    failure: null,
    refusal: isRemoved ? { code: 'USYNC-1402', reason: 'Your server was removed.', atMs: nowMs - hourMs } : null,
    twinSeenAtMs: null,
  } as unknown as PeerInput;
  const server = {
    id: self,
    name: 'stands',
    membership: isRemoved ? 'removed' : 'member',
  } as unknown as StatusFacts['server'];
  const facts = { server, phase: 'running', inviterName: null, datasets: [dataset], peers: [peer] } as const;
  const { problems } = engineStatus({ ...facts, openProblems: [], nowMs, monotonicMs: 0 });
  return problems.map(({ code, subject, reason }) => `${code} ${subject}: ${reason}`);
}

test('a dataset that no other server carries is never shown as the same on all servers', () => {
  const shop = sceneDataset('shop');
  const list = { ...sceneDataset('_servers'), isInternal: true };
  const vector = shop.look.position?.vector ?? new Map();
  const proven = (dataset: string) => ({
    dataset,
    kind: 'in-sync',
    isProven: true,
    proof: { atMs: nowMs, rows: 1, vector },
  });
  const shown = (carried: readonly string[], shopNow = shop): readonly [string, string] => {
    const session = {
      stage: 'open',
      clockOffsetMs: 0,
      lastHeardMs: 0,
      peer: { datasets: ['_servers', ...carried] },
      datasets: ['_servers', ...carried].map((name) => ({
        ...proven(name),
        unacknowledged: { origins: 0, behindMs: 0 },
        behind: { origins: 0, behindMs: 0 },
      })),
    };
    const listed = { id: pit, name: 'pit-3', state: 'member', datasets: carried, addresses: [] };
    const none = { link: null, failure: null, refusal: null, twinSeenAtMs: null };
    const peer = {
      listed,
      session,
      proofByDataset: new Map(),
      ackedByDataset: new Map(),
      ...none,
    } as unknown as PeerInput;
    const server = { id: self, name: 'stands', membership: 'member' } as unknown as StatusFacts['server'];
    const datasets = [list, shopNow, sceneDataset('chat')];
    const facts = { server, phase: 'running', inviterName: null, datasets, peers: [peer] } as const;
    const { state, headline } = engineStatus({ ...facts, openProblems: [], nowMs, monotonicMs: 0 });
    return [state, headline];
  };
  assert.deepEqual(shown(['shop', 'chat']), ['in-sync', 'All 2 servers hold the same data, proven just now.']);
  assert.deepEqual(shown(['shop']), [
    'in-sync',
    'All 2 servers hold the same data, proven just now; only this server carries chat.',
  ]);
  assert.deepEqual(shown([]), [
    'alone',
    'No other server carries shop, chat: a dataset must have the same name on each.',
  ]);
  const table = {
    name: 'k',
    isSynced: true,
    remark: '',
    keyKind: 'natural',
    rows: 3,
    held: 0,
    isRefused: false,
  } as const;
  const refused = { ...table, name: 'odd', isSynced: false, remark: 'it has no key', isRefused: true, keyless: 0 };
  const partial = { ...shop, look: { ...shop.look, tables: [{ ...table, keyless: 2 }, refused] } };
  assert.equal(
    shown(['shop', 'chat'], partial)[1],
    'Not all is the same: odd cannot be synced; 2 rows with NULL in the key are only here. All else is the same on all 2 servers, proven just now.',
  );
  const silent = { ...shop, look: { ...shop.look, unansweredMs: 3_000 } };
  assert.deepEqual(
    shown(['shop', 'chat'], silent),
    ['catching-up', 'Shop is busy and has not answered for 3 s.'],
    'a proof of what may have changed meanwhile is none',
  );
  const busy = { ...shop, look: { ...shop.look, unansweredMs: 30 } };
  assert.equal(shown(['shop', 'chat'], busy)[1], 'Shop is busy for a moment.');
  const work = { kind: 'landing', done: 4_000, total: 10_000, sinceMs: -2_000, from: 0 } as const;
  const working = { ...silent, facts: { ...shop.facts, work } };
  assert.equal(
    shown(['shop', 'chat'], working)[1],
    'Shop: writing the data of the group, 40 %, about 3 s left.',
    'what takes long says how long it still takes',
  );
});

function sceneDataset(name: string): DatasetInput {
  const origin = originIdOf(self, '00000001' as Epoch);
  const vector = new Map([[origin, { stamp: stampOfMs(nowMs), chain: emptyChain }]]);
  return {
    config: { name },
    isInternal: false,
    facts: {
      isOpen: true,
      report: null,
      lastFailure: null,
      selfTest: { kind: 'passed', atMs: 0 },
      work: null,
      epochChange: null,
    },
    look: {
      position: { origin, vector, tail: new Map(), isLanding: false, isFresh: false, journalBytes: 0 },
      tables: [],
      proof: null,
      conflicts: [],
      quarantined: 0,
      folder: null,
      unansweredMs: 0,
    },
    openConflicts: 0,
    counters: {},
  } as unknown as DatasetInput;
}

test('a clock that is off is told with the name of the server and how far', () => {
  assert.deepEqual(problemsOf({ clockOffsetMs: -3 * hourMs }), [
    'USYNC-1408 server pit-3: Its clock is 3 h behind this one.',
  ]);
  assert.deepEqual(problemsOf({ clockOffsetMs: 3652 * 24 * hourMs }), [
    'USYNC-1408 server pit-3: Its clock is 3652 days ahead of this one.',
  ]);
  assert.deepEqual(problemsOf({ clockOffsetMs: 30_000 }), []);
});

test('folders that the system allows no watch for are told of', () => {
  const [text, ...others] = problemsOf({ clockOffsetMs: 0, unwatched: 3 });
  assert.match(text ?? '', /^USYNC-1705 dataset shop: 3 folders are not watched/);
  assert.deepEqual(others, []);
  assert.deepEqual(problemsOf({ clockOffsetMs: 0, unwatched: 0 }), []);
});

test('a server that wrote with a clock far ahead is named also while it is not connected', () => {
  assert.deepEqual(problemsOf({ stampAheadMs: 3652 * 24 * hourMs }), [
    'USYNC-1408 server pit-3: It wrote changes whose time is 3652 days ahead of this clock.',
  ]);
  assert.deepEqual(problemsOf({ stampAheadMs: 5 * 60_000 }), [], 'as far as others may be dragged along');
});

test('a new epoch is told for a day, with its reason, and for some minutes once all was proven', () => {
  const reason = 'the database is older than what this server remembers of it';
  assert.deepEqual(problemsOf({ epochChange: { atMs: nowMs - hourMs, reason } }), [
    'USYNC-1600 dataset shop: The database is older than what this server remembers of it.',
  ]);
  assert.deepEqual(problemsOf({ epochChange: { atMs: nowMs - 25 * hourMs, reason } }), []);
  assert.deepEqual(problemsOf({ epochChange: { atMs: nowMs - 300_000, reason }, provenAtMs: nowMs - 240_000 }), [
    'USYNC-1600 dataset shop: The database is older than what this server remembers of it; since then it was proven to be the same everywhere.',
  ]);
  assert.deepEqual(problemsOf({ epochChange: { atMs: nowMs - hourMs, reason }, provenAtMs: nowMs - 240_000 }), []);
  assert.equal(problemsOf({ epochChange: { atMs: nowMs - hourMs, reason }, provenAtMs: nowMs - 2 * hourMs }).length, 1);
});

test('a removed server is told so once, as a problem of its own', () => {
  assert.deepEqual(problemsOf({ isRemoved: true }), [
    'USYNC-1402 server stands: pit-3 says: Your server was removed. Its data stays here as it is; what is written here reaches nobody.',
  ]);
});
