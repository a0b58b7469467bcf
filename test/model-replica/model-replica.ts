/**
 * A small replica in memory for tests of the session: changesets in an array, one table of keys and values, the last
 * writer wins. It checks what the contract promises (order, `prev`, `seen`, forks, gap markers), so a session that
 * sends in the wrong order fails here.
 */
import { branchOrigin, isYounger, partingOf, type History } from '../../src/core/branch.js';
import { originIdOf, type Epoch, type OriginId, type ServerId } from '../../src/core/origin.js';
import { zeroStamp } from '../../src/core/stamp.js';
import { SyncError } from '../../src/core/sync-error.js';
import type { CutOutcome, Fork, MergeOutcome, Proof, Replica, SnapshotReader } from '../../src/databases/replica.js';
import {
  check,
  drain,
  drainIfDirty,
  mergeOne,
  outcome,
  readJournal,
  receiveSnapshot,
  type Memory,
  type Model,
  type ModelCounts,
} from './model-memory.js';

export interface ModelReplica extends Replica {
  write(key: string, value: string): void;
  readonly rows: ReadonlyMap<string, string>;
  readonly counts: ModelCounts;
  /** Every call from now on rejects with this; null ends it. */
  fail(error: SyncError | null): void;
  /** Forgets journal entries, as pruning does. */
  forgetJournal(): void;
  /** An image of everything, to be put back later as a restored backup. */
  backup(): unknown;
  restore(image: unknown): void;
  setLanding(isLanding: boolean): void;
  /** Changes a row behind everybody's back. */
  damage(key: string): void;
  /** Drops the table with this row and makes it again without. */
  lose(key: string): void;
}

export interface ModelReplicaOptions {
  readonly dataset: string;
  readonly server: ServerId;
  readonly isFresh?: boolean;
  readonly partBytes?: number;
  readonly nowMs: () => number;
}

export function createModelReplica(options: ModelReplicaOptions): ModelReplica {
  const model = createModel(options);
  return {
    dataset: options.dataset,
    counts: model.counts,
    get rows() {
      return new Map([...model.memory.cells].map(([key, [value]]) => [key, value]));
    },
    ...controlsOf(model),
    ...streamOf(model),
    ...proofsOf(model),
    ...epochsOf(model),
    open: notThere,
    onHint: () => () => undefined,
    audit: notThere,
    prune: notThere,
    setHeirs: async () => undefined,
    setNumberLane: async () => undefined,
    tables: notThere,
    conflicts: notThere,
    conflictsForgotten: notThere,
    forgetConflicts: notThere,
    restoreConflict: notThere,
    quarantine: notThere,
    retryHeld: notThere,
    dropHeld: notThere,
    rowHistory: notThere,
    undo: notThere,
    recentChanges: notThere,
    applyWrites: notThere,
    close: async () => undefined,
  };
}

const createModel = ({ server, nowMs, isFresh = false, partBytes = 64 * 1024 }: ModelReplicaOptions): Model => ({
  options: { server, nowMs },
  partBytes,
  counts: { merges: 0, parts: 0, covered: 0, snapshots: 0, flushes: 0, calls: 0 },
  staged: new Map(),
  memory: {
    origin: originIdOf(server, '00000001' as Epoch),
    isFresh,
    vector: new Map(),
    cells: new Map(),
    journal: [],
    tail: new Map(),
    points: new Map(),
    sentVector: new Map(),
  },
  pending: [],
  failure: null,
  isLanding: false,
  isLost: false,
  epochs: 1,
});

async function notThere(): Promise<never> {
  throw new SyncError('USYNC-1000', 'The model replica has no such thing.');
}

async function checked<T>(model: Model, work: () => T): Promise<T> {
  check(model);
  await Promise.resolve();
  return work();
}

type Controls = 'write' | 'fail' | 'forgetJournal' | 'backup' | 'restore' | 'setLanding' | 'damage' | 'lose';

const controlsOf = (model: Model): Pick<ModelReplica, Controls> => ({
  write: (key, value) => model.pending.push([key, value]),
  fail(error) {
    model.failure = error;
  },
  forgetJournal() {
    model.memory.journal = [];
    model.memory.tail = new Map(model.memory.vector);
  },
  backup: () => structuredClone(model.memory),
  restore(image) {
    model.memory = structuredClone(image) as Memory;
    model.pending = [];
    model.staged.clear();
  },
  setLanding(isLanding) {
    model.isLanding = isLanding;
  },
  damage(key) {
    const cell = model.memory.cells.get(key);
    if (cell) model.memory.cells.set(key, [`${cell[0]}!`, cell[1], cell[2]]);
  },
  lose(key) {
    model.memory.cells.delete(key);
    model.isLost = true;
  },
});

type Stream = 'drain' | 'position' | 'readJournal' | 'merge' | 'flush' | 'openSnapshot' | 'receiveSnapshot';

const streamOf = (model: Model): Pick<ModelReplica, Stream> => ({
  drain: () => checked(model, () => drain(model)),
  position: () =>
    checked(model, () => {
      const { origin, vector, tail, isFresh } = model.memory;
      return { origin, vector: new Map(vector), tail, isLanding: model.isLanding, isFresh, journalBytes: 0 };
    }),
  readJournal: (request) => checked(model, () => readJournal(model, request)),
  merge: (parts) => checked(model, () => merge(model, parts)),
  flush: () =>
    checked(model, () => {
      model.counts.flushes++;
      return new Map(model.memory.vector);
    }),
  openSnapshot: () => checked(model, () => openSnapshot(model)),
  receiveSnapshot: (vector) => checked(model, () => receiveSnapshot(model, vector)),
});

function merge(model: Model, parts: Parameters<Replica['merge']>[0]): MergeOutcome {
  const { staged, counts } = model;
  drainIfDirty(model);
  counts.merges++;
  const facts = { merged: 0, covered: 0, rows: 0, hasGap: false, forks: [] as Fork[] };
  for (const part of parts) {
    counts.parts++;
    const name = `${part.origin} ${part.stamp}`;
    const list = staged.get(name) ?? [];
    staged.set(name, list);
    if (!list.some((other) => other.part === part.part)) list.push(part);
    const last = list.find((other) => other.isLast);
    if (!last || list.length !== last.part + 1) continue;
    staged.delete(name);
    const result = mergeOne(model, list);
    if (result === 'merged') facts.merged++;
    else if (result === 'covered') facts.covered++;
    else if (result === 'gap') facts.hasGap = true;
    else facts.forks.push(result);
  }
  counts.covered += facts.covered;
  return outcome(model, facts);
}

function openSnapshot(model: Model): SnapshotReader {
  const rows = [...model.memory.cells];
  let at = 0;
  return {
    vector: new Map(model.memory.vector),
    rows: rows.length,
    next: async () => {
      check(model);
      const page = rows.slice(at, at + 500);
      at += page.length;
      return page.length > 0 ? new TextEncoder().encode(JSON.stringify(page)) : null;
    },
    close: async () => undefined,
  };
}

const proofsOf = (model: Model): Pick<ModelReplica, 'proof' | 'bucketSums' | 'bucketRows'> => ({
  proof: () =>
    checked(model, (): Proof => {
      const { cells, vector } = model.memory;
      let sum = 0;
      for (const [key, [value, stamp, origin]] of cells) {
        sum = (sum + hashOf(`${key}\0${value}\0${stamp}\0${origin}`)) % 2 ** 48;
      }
      return {
        vector: new Map(vector),
        digest: new Map([['things', { rows: cells.size, sum }]]),
        leftOut: [],
        lost: model.isLost ? ['things'] : [],
        held: 0,
      };
    }),
  bucketSums: ({ buckets }) =>
    checked(model, () => {
      const sums = Array.from({ length: buckets }, () => 0);
      for (const [key, [value]] of model.memory.cells) {
        const bucket = hashOf(key) % buckets;
        sums[bucket] = ((sums[bucket] ?? 0) + hashOf(`${key}\0${value}`)) % 2 ** 48;
      }
      return sums;
    }),
  bucketRows: ({ buckets, chosen, rowsMax }) =>
    checked(model, () =>
      [...model.memory.cells]
        .map(([key, [value]]) => ({ bucket: hashOf(key) % buckets, key: [key], hash: hashOf(`${key}\0${value}`) }))
        .filter((row) => chosen.includes(row.bucket))
        .slice(0, rowsMax),
    ),
});

const epochsOf = (model: Model): Pick<ModelReplica, 'newEpoch' | 'history' | 'cutBranch'> => ({
  newEpoch: () => checked(model, () => takeEpoch(model)),
  history: (origin) => checked(model, () => model.memory.points.get(origin) ?? []),
  cutBranch: (origin, theirs) => checked(model, () => cutBranch(model, origin, theirs)),
});

function takeEpoch(model: Model): OriginId {
  const epoch = (++model.epochs).toString(16).padStart(8, '0') as Epoch;
  model.memory.origin = originIdOf(model.options.server, epoch);
  return model.memory.origin;
}

function cutBranch({ memory }: Model, origin: OriginId, theirs: History): CutOutcome {
  const points = memory.points.get(origin) ?? [];
  const parting = partingOf(points, theirs);
  if (!parting) return 'none';
  if (!isYounger(parting.mine, parting.theirs)) return 'theirs';
  const to = branchOrigin(origin, parting.mine.chain);
  const place = points.indexOf(parting.mine);
  const [head, before] = [memory.vector.get(origin), points[place - 1]];
  if (before) memory.vector.set(origin, { stamp: before.stamp, chain: before.chain });
  else memory.vector.delete(origin);
  if (head) memory.vector.set(to, head);
  memory.points.set(to, points.splice(place));
  if (memory.origin === origin) memory.origin = to;
  const first = memory.journal.findIndex((entry) => entry.origin === origin && entry.stamp === parting.mine.stamp);
  const marker = new Map(memory.vector);
  memory.journal = [...memory.journal.slice(0, first), { origin: to, stamp: zeroStamp, parts: [], marker }];
  return 'renamed';
}

function hashOf(value: string): number {
  let hash = 7;
  for (let i = 0; i < value.length; i++) hash = (hash * 31 + value.charCodeAt(i)) % 2 ** 45;
  return hash;
}
