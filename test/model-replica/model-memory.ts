/** What the model replica holds, and how it merges: the contract's rules of order, on one table of keys and values. */
import type { HistoryPoint } from '../../src/core/branch.js';
import { createChain } from '../../src/core/hash.js';
import type { ChangesetPart } from '../../src/core/changeset.js';
import type { OriginId, ServerId } from '../../src/core/origin.js';
import { nextStamp, zeroStamp, type Stamp } from '../../src/core/stamp.js';
import type { SyncError } from '../../src/core/sync-error.js';
import { covers, emptyChain, stampIn, type VectorEntry, type VersionVector } from '../../src/core/version-vector.js';
import { nothingMerged } from '../../src/databases/nothing-merged.js';
import type {
  DrainOutcome,
  Fork,
  JournalRead,
  JournalRequest,
  MergeOutcome,
  SnapshotWriter,
} from '../../src/databases/replica.js';

export type Cell = readonly [value: string, stamp: Stamp, origin: OriginId];

/** What the parts of a changeset hold, one after the other: JSON. */
export interface Content {
  readonly prev: Stamp;
  readonly prevChain: string;
  readonly seen: readonly (readonly [OriginId, Stamp])[];
  readonly cells: readonly (readonly [key: string, value: string])[];
}

export interface JournalEntry {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly parts: readonly ChangesetPart[];
  /** Set for gap markers, which have no parts: the vector of the snapshot that was merged here. */
  readonly marker?: VersionVector;
}

export interface Memory {
  origin: OriginId;
  isFresh: boolean;
  vector: Map<OriginId, VectorEntry>;
  cells: Map<string, Cell>;
  journal: JournalEntry[];
  tail: VersionVector;
  /** Every changeset that came by the stream, by origin. */
  points: Map<OriginId, HistoryPoint[]>;
  sentVector: VersionVector;
}

export interface ModelCounts {
  merges: number;
  parts: number;
  covered: number;
  snapshots: number;
  flushes: number;
  calls: number;
}

export interface Model {
  readonly options: { readonly server: ServerId; readonly nowMs: () => number };
  readonly partBytes: number;
  readonly counts: ModelCounts;
  readonly staged: Map<string, ChangesetPart[]>;
  memory: Memory;
  pending: [string, string][];
  failure: SyncError | null;
  isLanding: boolean;
  /** Rows are missing that a snapshot brings back. */
  isLost: boolean;
  epochs: number;
}

const text = new TextEncoder();
const untext = new TextDecoder();

export const check = (model: Model): void => {
  model.counts.calls++;
  if (model.failure) throw model.failure;
};

export const append = (model: Model, cells: Content['cells'], seenFrom: VersionVector): void => {
  const { origin } = model.memory;
  const before = model.memory.vector.get(origin);
  const highest = [...model.memory.cells.values()].reduce((max, [, stamp]) => Math.max(max, stamp), 0);
  const last = Math.max(before?.stamp ?? 0, highest) as Stamp;
  const stamp = nextStamp(last, model.options.nowMs());
  const seen = [...seenFrom].filter(([id]) => id !== origin).map(([id, entry]) => [id, entry.stamp] as const);
  const content: Content = { prev: before?.stamp ?? zeroStamp, prevChain: before?.chain ?? emptyChain, seen, cells };
  const bytes = text.encode(JSON.stringify(content));
  const parts: ChangesetPart[] = [];
  for (let at = 0; at < bytes.length; at += model.partBytes) {
    const isLast = at + model.partBytes >= bytes.length;
    parts.push({ origin, stamp, part: parts.length, isLast, bytes: bytes.slice(at, at + model.partBytes) });
  }
  land(model, origin, stamp, parts, content);
};

export const land = (
  model: Model,
  origin: OriginId,
  stamp: Stamp,
  parts: readonly ChangesetPart[],
  content: Content,
): void => {
  const before = model.memory.vector.get(origin);
  const chain = createChain(before?.chain ?? emptyChain);
  for (const part of parts) chain.add(part.bytes);
  const point = { stamp, chain: chain.value(), prev: before?.stamp ?? zeroStamp };
  model.memory.vector.set(origin, { stamp, chain: point.chain });
  model.memory.points.set(origin, [...(model.memory.points.get(origin) ?? []), point]);
  model.memory.journal.push({ origin, stamp, parts });
  for (const [key, value] of content.cells) {
    const old = model.memory.cells.get(key);
    const isOlder = old && (old[1] > stamp || (old[1] === stamp && old[2] > origin));
    if (!isOlder) model.memory.cells.set(key, [value, stamp, origin]);
  }
};

export const drain = (model: Model): DrainOutcome => {
  const cells = model.pending;
  model.pending = [];
  model.memory.isFresh = false;
  if (cells.length > 0) append(model, cells, new Map(model.memory.vector));
  return {
    changesets: cells.length > 0 ? 1 : 0,
    rows: cells.length,
    hasMore: false,
    vector: new Map(model.memory.vector),
    schemaChanged: false,
  };
};

export const outcome = (model: Model, facts: Partial<MergeOutcome>): MergeOutcome => ({
  vector: new Map(model.memory.vector),
  ...nothingMerged,
  ...facts,
});

export const mergeOne = (model: Model, parts: readonly ChangesetPart[]): 'merged' | 'covered' | 'gap' | Fork => {
  const [first] = parts;
  if (!first) return 'gap';
  const { origin, stamp } = first;
  const own = model.memory.vector.get(origin);
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part.bytes, at);
    at += part.bytes.length;
  }
  const content = JSON.parse(untext.decode(joined)) as Content;
  const isForked = own && own.stamp > content.prev && (own.stamp < stamp || !holds(model, origin, stamp, parts));
  if (isForked) return { origin };
  if ((own?.stamp ?? 0) >= stamp) return 'covered';
  if ((own?.stamp ?? 0) !== content.prev) return 'gap';
  if ((own?.chain ?? emptyChain) !== content.prevChain) return { origin };
  if (content.seen.some(([id, seen]) => stampIn(model.memory.vector, id) < seen)) return 'gap';
  land(model, origin, stamp, parts, content);
  return 'merged';
};

export const holds = (model: Model, origin: OriginId, stamp: Stamp, parts: readonly ChangesetPart[]): boolean => {
  const entry = model.memory.journal.find((other) => other.origin === origin && other.stamp === stamp);
  // What the journal no longer holds cannot be compared; the vector is believed.
  if (!entry) return !model.memory.journal.some((other) => other.origin === origin && other.stamp > stamp);
  return Buffer.concat(entry.parts.map((part) => part.bytes)).equals(Buffer.concat(parts.map((part) => part.bytes)));
};

export const readJournal = (model: Model, request: JournalRequest): JournalRead => {
  const none = { parts: [], next: request.after, needsSnapshot: false, forks: [] };
  if (!covers(request.vector, model.memory.tail)) return { ...none, needsSnapshot: true };
  const forks: Fork[] = [];
  for (const [origin, entry] of request.vector) {
    const own = model.memory.vector.get(origin);
    if (own && own.stamp === entry.stamp && own.chain !== entry.chain) forks.push({ origin });
  }
  const parts: ChangesetPart[] = [];
  let bytes = 0;
  let next = request.after;
  for (const entry of model.memory.journal.slice(request.after)) {
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

export const receiveSnapshot = (model: Model, vector: VersionVector): SnapshotWriter => {
  const chunks: string[] = [];
  return {
    add: async (chunk) => {
      check(model);
      chunks.push(untext.decode(chunk));
    },
    preview: async () => ({ tables: [], isUnclear: false }),
    finish: async () => {
      check(model);
      drainIfDirty(model);
      model.counts.snapshots++;
      const rows = chunks.flatMap((chunk) => JSON.parse(chunk) as [string, Cell][]);
      for (const [key, cell] of rows) {
        const old = model.memory.cells.get(key);
        if (!old || old[1] < cell[1] || (old[1] === cell[1] && old[2] < cell[2])) model.memory.cells.set(key, cell);
      }
      for (const [origin, entry] of vector) {
        if (stampIn(model.memory.vector, origin) < entry.stamp) model.memory.vector.set(origin, entry);
      }
      model.memory.journal.push({ origin: model.memory.origin, stamp: zeroStamp, parts: [], marker: new Map(vector) });
      model.memory.isFresh = false;
      model.isLost = false;
      return outcome(model, { rows: rows.length, merged: 1 });
    },
    abort: async () => undefined,
  };
};

export const drainIfDirty = (model: Model): void => {
  const wasFresh = model.memory.isFresh;
  if (model.pending.length > 0) drain(model);
  model.memory.isFresh = wasFresh;
};
