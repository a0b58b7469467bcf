import type { ObservedEvent } from './event.js';
import { createHistogram, type Histogram, type HistogramReading } from './histogram.js';

/** Sums over all events since the start, for metrics. */
export interface Counters {
  readonly add: (event: ObservedEvent) => void;
  /** A server acknowledged changes of this one; `ageMs` is that of the newest of them. */
  acknowledged(server: string, ageMs: number): void;
  read(): CounterValues;
  ofDataset(dataset: string): DatasetCounters;
}

export interface CounterValues {
  readonly datasets: ReadonlyMap<string, DatasetCounters>;
  /** How often each loop failed. */
  readonly loopFailures: ReadonlyMap<string, number>;
  readonly connections: number;
  readonly refusals: number;
  /** In seconds, by the id of the server that acknowledged. */
  readonly ackAges: ReadonlyMap<string, HistogramReading>;
}

/** Seconds: from what people do not notice to what they were away for. */
const ackAgeBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600];

export interface DatasetCounters {
  readonly capturedChangesets: number;
  readonly capturedRows: number;
  readonly mergedChangesets: number;
  readonly mergedRows: number;
  readonly snapshotsSent: number;
  readonly snapshotsMerged: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly proofsFailed: number;
  readonly lastCaptureMs: number | null;
  readonly lastMergeMs: number | null;
}

export function createCounters(): Counters {
  const datasets = new Map<string, DatasetCounters>();
  const loopFailures = new Map<string, number>();
  const ackAges = new Map<string, Histogram>();
  let connections = 0;
  let refusals = 0;
  const of = (dataset: string): DatasetCounters => datasets.get(dataset) ?? emptyDatasetCounters;
  return {
    add: (event) => {
      if (event.kind === 'loop-failed') loopFailures.set(event.loop, (loopFailures.get(event.loop) ?? 0) + 1);
      if (event.kind === 'peer-connected') connections += 1;
      if (event.kind === 'peer-refused') refusals += 1;
      if ('dataset' in event) datasets.set(event.dataset, withEvent(of(event.dataset), event));
    },
    acknowledged(server, ageMs) {
      const known = ackAges.get(server) ?? createHistogram(ackAgeBounds);
      ackAges.set(server, known);
      known.observe(Math.max(0, ageMs) / 1_000);
    },
    read: () => ({
      ...{ datasets: new Map(datasets), loopFailures: new Map(loopFailures), connections, refusals },
      ackAges: new Map([...ackAges].map(([server, ages]) => [server, ages.read()])),
    }),
    ofDataset: of,
  };
}

const emptyDatasetCounters: DatasetCounters = {
  capturedChangesets: 0,
  capturedRows: 0,
  mergedChangesets: 0,
  mergedRows: 0,
  snapshotsSent: 0,
  snapshotsMerged: 0,
  conflicts: 0,
  quarantined: 0,
  proofsFailed: 0,
  lastCaptureMs: null,
  lastMergeMs: null,
};

function withEvent(sums: DatasetCounters, event: ObservedEvent): DatasetCounters {
  if (event.kind === 'captured')
    return {
      ...sums,
      capturedChangesets: sums.capturedChangesets + event.changesets,
      capturedRows: sums.capturedRows + event.rows,
      lastCaptureMs: event.atMs,
    };
  if (event.kind === 'merged')
    return {
      ...sums,
      mergedChangesets: sums.mergedChangesets + event.changesets,
      mergedRows: sums.mergedRows + event.rows,
      lastMergeMs: event.atMs,
    };
  if (event.kind === 'snapshot-sent') return { ...sums, snapshotsSent: sums.snapshotsSent + 1 };
  if (event.kind === 'snapshot-merged')
    return { ...sums, snapshotsMerged: sums.snapshotsMerged + 1, lastMergeMs: event.atMs };
  if (event.kind === 'conflicts') return { ...sums, conflicts: sums.conflicts + event.count };
  if (event.kind === 'quarantined') return { ...sums, quarantined: sums.quarantined + event.count };
  if (event.kind === 'proof-failed') return { ...sums, proofsFailed: sums.proofsFailed + 1 };
  return sums;
}
