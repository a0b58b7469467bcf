/**
 * A small replica in memory for tests of the session: changesets in an array, one table of keys and values, the last
 * writer wins. It checks what the contract promises (order, `prev`, `seen`, forks, gap markers), so a session that
 * sends in the wrong order fails here.
 */
import { createChain } from '../../src/core/hash.js';
import type { ChangesetPart } from '../../src/core/changeset.js';
import { originIdOf, type Epoch, type OriginId, type ServerId } from '../../src/core/origin.js';
import { nextStamp, zeroStamp, type Stamp } from '../../src/core/stamp.js';
import { SyncError } from '../../src/core/sync-error.js';
import { covers, emptyChain, stampIn, type VectorEntry, type VersionVector } from '../../src/core/version-vector.js';
import type {
  DrainOutcome,
  Fork,
  JournalRead,
  JournalRequest,
  MergeOutcome,
  Proof,
  Replica,
  ReplicaPosition,
  SnapshotReader,
  SnapshotWriter,
} from '../../src/databases/replica.js';

type Cell = readonly [value: string, stamp: Stamp, origin: OriginId];

/** What the parts of a changeset hold, one after the other: JSON. */
interface Content {
  readonly prev: Stamp;
  readonly prevChain: string;
  readonly seen: readonly (readonly [OriginId, Stamp])[];
  readonly cells: readonly (readonly [key: string, value: string])[];
}

interface JournalEntry {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly parts: readonly ChangesetPart[];
  /** Set for gap markers, which have no parts: the vector of the snapshot that was merged here. */
  readonly marker?: VersionVector;
}

export interface ModelReplica extends Replica {
  write(key: string, value: string): void;
  readonly rows: ReadonlyMap<string, string>;
  readonly counts: {
    merges: number;
    parts: number;
    covered: number;
    snapshots: number;
    flushes: number;
    calls: number;
  };
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
}

interface Memory {
  origin: OriginId;
  isFresh: boolean;
  vector: Map<OriginId, VectorEntry>;
  cells: Map<string, Cell>;
  journal: JournalEntry[];
  tail: VersionVector;
  sentVector: VersionVector;
}

const text = new TextEncoder();
const untext = new TextDecoder();

export function createModelReplica(options: {
  readonly dataset: string;
  readonly server: ServerId;
  readonly isFresh?: boolean;
  readonly partBytes?: number;
  readonly nowMs: () => number;
}): ModelReplica {
  const { partBytes = 64 * 1024 } = options;
  let epochs = 0;
  let memory: Memory = {
    origin: originIdOf(options.server, '00000001' as Epoch),
    isFresh: options.isFresh ?? false,
    vector: new Map(),
    cells: new Map(),
    journal: [],
    tail: new Map(),
    sentVector: new Map(),
  };
  let pending: [string, string][] = [];
  let failure: SyncError | null = null;
  let isLanding = false;
  const staged = new Map<string, ChangesetPart[]>();
  const counts = { merges: 0, parts: 0, covered: 0, snapshots: 0, flushes: 0, calls: 0 };

  const check = (): void => {
    counts.calls++;
    if (failure) throw failure;
  };
  const append = (cells: Content['cells'], seenFrom: VersionVector): void => {
    const { origin } = memory;
    const before = memory.vector.get(origin);
    const highest = [...memory.cells.values()].reduce((max, [, stamp]) => Math.max(max, stamp), 0);
    const last = Math.max(before?.stamp ?? 0, highest) as Stamp;
    const stamp = nextStamp(last, options.nowMs());
    const seen = [...seenFrom].filter(([id]) => id !== origin).map(([id, entry]) => [id, entry.stamp] as const);
    const content: Content = { prev: before?.stamp ?? zeroStamp, prevChain: before?.chain ?? emptyChain, seen, cells };
    const bytes = text.encode(JSON.stringify(content));
    const parts: ChangesetPart[] = [];
    for (let at = 0; at < bytes.length; at += partBytes) {
      const isLast = at + partBytes >= bytes.length;
      parts.push({ origin, stamp, part: parts.length, isLast, bytes: bytes.slice(at, at + partBytes) });
    }
    land(origin, stamp, parts, content);
  };
  const land = (origin: OriginId, stamp: Stamp, parts: readonly ChangesetPart[], content: Content): void => {
    const chain = createChain(memory.vector.get(origin)?.chain ?? emptyChain);
    for (const part of parts) chain.add(part.bytes);
    memory.vector.set(origin, { stamp, chain: chain.value() });
    memory.journal.push({ origin, stamp, parts });
    for (const [key, value] of content.cells) {
      const old = memory.cells.get(key);
      const isOlder = old && (old[1] > stamp || (old[1] === stamp && old[2] > origin));
      if (!isOlder) memory.cells.set(key, [value, stamp, origin]);
    }
  };
  const drain = (): DrainOutcome => {
    const cells = pending;
    pending = [];
    memory.isFresh = false;
    if (cells.length > 0) append(cells, new Map(memory.vector));
    return {
      changesets: cells.length > 0 ? 1 : 0,
      rows: cells.length,
      hasMore: false,
      vector: new Map(memory.vector),
      schemaChanged: false,
    };
  };

  const outcome = (facts: Partial<MergeOutcome>): MergeOutcome => ({
    vector: new Map(memory.vector),
    merged: 0,
    covered: 0,
    rows: 0,
    conflicts: 0,
    quarantined: 0,
    hasGap: false,
    forks: [],
    ...facts,
  });
  const mergeOne = (parts: readonly ChangesetPart[]): 'merged' | 'covered' | 'gap' | Fork => {
    const [first] = parts;
    if (!first) return 'gap';
    const { origin, stamp } = first;
    const own = memory.vector.get(origin);
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(part.bytes, at);
      at += part.bytes.length;
    }
    const content = JSON.parse(untext.decode(joined)) as Content;
    const isForked = own && own.stamp > content.prev && (own.stamp < stamp || !holds(origin, stamp, parts));
    if (isForked) return { origin, after: lastCommon(origin, content.prev) };
    if ((own?.stamp ?? 0) >= stamp) return 'covered';
    if ((own?.stamp ?? 0) !== content.prev) return 'gap';
    if ((own?.chain ?? emptyChain) !== content.prevChain) return { origin, after: zeroStamp };
    if (content.seen.some(([id, seen]) => stampIn(memory.vector, id) < seen)) return 'gap';
    land(origin, stamp, parts, content);
    return 'merged';
  };
  const holds = (origin: OriginId, stamp: Stamp, parts: readonly ChangesetPart[]): boolean => {
    const entry = memory.journal.find((other) => other.origin === origin && other.stamp === stamp);
    // What the journal no longer holds cannot be compared; the vector is believed.
    if (!entry) return !memory.journal.some((other) => other.origin === origin && other.stamp > stamp);
    return Buffer.concat(entry.parts.map((part) => part.bytes)).equals(Buffer.concat(parts.map((part) => part.bytes)));
  };
  const lastCommon = (origin: OriginId, prev: Stamp): Stamp =>
    memory.journal.some((entry) => entry.origin === origin && entry.stamp === prev) ? prev : zeroStamp;

  const readJournal = (request: JournalRequest): JournalRead => {
    const none = { parts: [], next: request.after, needsSnapshot: false, forks: [] };
    if (!covers(request.vector, memory.tail)) return { ...none, needsSnapshot: true };
    const forks: Fork[] = [];
    for (const [origin, entry] of request.vector) {
      const own = memory.vector.get(origin);
      if (own && own.stamp === entry.stamp && own.chain !== entry.chain) forks.push({ origin, after: zeroStamp });
    }
    const parts: ChangesetPart[] = [];
    let bytes = 0;
    let next = request.after;
    for (const entry of memory.journal.slice(request.after)) {
      if (entry.marker) {
        const streamed = new Map(request.vector);
        for (const part of parts) streamed.set(part.origin, { stamp: part.stamp, chain: emptyChain });
        if (covers(streamed, entry.marker)) {
          next++;
          continue;
        }
        return { parts, next, needsSnapshot: parts.length === 0, forks };
      }
      if (bytes >= request.bytesMax) break;
      next++;
      if (stampIn(request.vector, entry.origin) >= entry.stamp) continue;
      for (const part of entry.parts) {
        parts.push(part);
        bytes += part.bytes.length;
      }
    }
    return { parts, next, needsSnapshot: false, forks };
  };
  const receiveSnapshot = (vector: VersionVector): SnapshotWriter => {
    const chunks: string[] = [];
    return {
      add: async (chunk) => {
        check();
        chunks.push(untext.decode(chunk));
      },
      preview: async () => ({ tables: [], isUnclear: false }),
      finish: async () => {
        check();
        drainIfDirty();
        counts.snapshots++;
        const rows = chunks.flatMap((chunk) => JSON.parse(chunk) as [string, Cell][]);
        for (const [key, cell] of rows) {
          const old = memory.cells.get(key);
          if (!old || old[1] < cell[1] || (old[1] === cell[1] && old[2] < cell[2])) memory.cells.set(key, cell);
        }
        for (const [origin, entry] of vector) {
          if (stampIn(memory.vector, origin) < entry.stamp) memory.vector.set(origin, entry);
        }
        memory.journal.push({ origin: memory.origin, stamp: zeroStamp, parts: [], marker: new Map(vector) });
        memory.isFresh = false;
        return outcome({ rows: rows.length, merged: 1 });
      },
      abort: async () => undefined,
    };
  };
  const drainIfDirty = (): void => {
    const wasFresh = memory.isFresh;
    if (pending.length > 0) drain();
    memory.isFresh = wasFresh;
  };

  const notThere = async (): Promise<never> => {
    throw new SyncError('USYNC-1000', 'The model replica has no such thing.');
  };
  const checked = async <T>(work: () => T): Promise<T> => {
    check();
    await Promise.resolve();
    return work();
  };
  const bucketOf = (key: string, buckets: number): number => hashOf(key) % buckets;

  return {
    dataset: options.dataset,
    counts,
    write: (key, value) => pending.push([key, value]),
    get rows() {
      return new Map([...memory.cells].map(([key, [value]]) => [key, value]));
    },
    fail: (error) => (failure = error),
    forgetJournal() {
      memory.journal = [];
      memory.tail = new Map(memory.vector);
    },
    backup: () => structuredClone(memory),
    restore(image) {
      memory = structuredClone(image) as Memory;
      pending = [];
      staged.clear();
    },
    setLanding: (value) => (isLanding = value),
    damage(key) {
      const cell = memory.cells.get(key);
      if (cell) memory.cells.set(key, [`${cell[0]}!`, cell[1], cell[2]]);
    },
    open: notThere,
    onHint: () => () => undefined,
    drain: () => checked(drain),
    position: () =>
      checked((): ReplicaPosition => ({
        origin: memory.origin,
        vector: new Map(memory.vector),
        tail: memory.tail,
        isLanding,
        isFresh: memory.isFresh,
        journalBytes: 0,
      })),
    readJournal: (request) => checked(() => readJournal(request)),
    merge: (parts) =>
      checked(() => {
        drainIfDirty();
        counts.merges++;
        const facts = { merged: 0, covered: 0, rows: 0, hasGap: false, forks: [] as Fork[] };
        for (const part of parts) {
          counts.parts++;
          const name = `${part.origin} ${part.stamp}`;
          const list = staged.get(name) ?? [];
          staged.set(name, list);
          if (!list.some((other) => other.part === part.part)) list.push(part);
          if (!list.some((other) => other.isLast) || list.length !== (list.find((p) => p.isLast)?.part ?? -1) + 1)
            continue;
          staged.delete(name);
          const result = mergeOne(list);
          if (result === 'merged') facts.merged++;
          else if (result === 'covered') facts.covered++;
          else if (result === 'gap') facts.hasGap = true;
          else facts.forks.push(result);
        }
        counts.covered += facts.covered;
        return outcome(facts);
      }),
    flush: () =>
      checked(() => {
        counts.flushes++;
        return new Map(memory.vector);
      }),
    openSnapshot: () =>
      checked((): SnapshotReader => {
        const rows = [...memory.cells];
        let at = 0;
        return {
          vector: new Map(memory.vector),
          rows: rows.length,
          next: async () => {
            check();
            const page = rows.slice(at, at + 500);
            at += page.length;
            return page.length > 0 ? text.encode(JSON.stringify(page)) : null;
          },
          close: async () => undefined,
        };
      }),
    receiveSnapshot: (vector) => checked(() => receiveSnapshot(vector)),
    proof: () =>
      checked((): Proof => {
        let sum = 0;
        for (const [key, [value, stamp, origin]] of memory.cells)
          sum = (sum + hashOf(`${key}\0${value}\0${stamp}\0${origin}`)) % 2 ** 48;
        const digest = new Map([['things', { rows: memory.cells.size, sum }]]);
        return { vector: new Map(memory.vector), digest, leftOut: [], held: 0 };
      }),
    audit: notThere,
    bucketSums: ({ buckets }) =>
      checked(() => {
        const sums = Array.from({ length: buckets }, () => 0);
        for (const [key, [value]] of memory.cells) {
          const bucket = bucketOf(key, buckets);
          sums[bucket] = ((sums[bucket] ?? 0) + hashOf(`${key}\0${value}`)) % 2 ** 48;
        }
        return sums;
      }),
    bucketRows: ({ buckets, chosen, rowsMax }) =>
      checked(() =>
        [...memory.cells]
          .map(([key, [value]]) => ({ bucket: bucketOf(key, buckets), key: [key], hash: hashOf(`${key}\0${value}`) }))
          .filter((row) => chosen.includes(row.bucket))
          .slice(0, rowsMax),
      ),
    prune: notThere,
    newEpoch: () =>
      checked(() => {
        memory.origin = originIdOf(options.server, (++epochs + 1).toString(16).padStart(8, '0') as Epoch);
        return memory.origin;
      }),
    reissueBranch: (origin, after) =>
      checked(() => {
        const own = memory.journal.filter((entry) => entry.origin === origin && entry.stamp > after);
        memory.journal = memory.journal.filter((entry) => !own.includes(entry));
        const last = memory.journal.findLast((entry) => entry.origin === origin);
        if (last) {
          const chain = createChain(emptyChain);
          for (const entry of memory.journal) {
            if (entry.origin === origin) for (const part of entry.parts) chain.add(part.bytes);
          }
          memory.vector.set(origin, { stamp: last.stamp, chain: chain.value() });
        } else memory.vector.delete(origin);
        memory.origin = originIdOf(options.server, (++epochs + 1).toString(16).padStart(8, '0') as Epoch);
        for (const entry of own) {
          const joined = Buffer.concat(entry.parts.map((part) => part.bytes)).toString();
          append((JSON.parse(joined) as Content).cells, new Map(memory.vector));
        }
        return memory.origin;
      }),
    tables: notThere,
    conflicts: notThere,
    quarantine: notThere,
    close: async () => undefined,
  };
}

function hashOf(value: string): number {
  let hash = 7;
  for (let i = 0; i < value.length; i++) hash = (hash * 31 + value.charCodeAt(i)) % 2 ** 45;
  return hash;
}
