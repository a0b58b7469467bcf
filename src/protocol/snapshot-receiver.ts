import { malformed } from '../core/byte-reader.js';
import type { VersionVector } from '../core/version-vector.js';
import { costOf, type DatasetContext } from './dataset-context.js';
import type { SnapshotMessage } from './message.js';
import { createPieceAssembly, type PieceAssembly } from './piece-assembly.js';
import { snapshotBeginMs, snapshotIdleMs, snapshotRetryMs } from './protocol-limits.js';
import type { CallResult, MergeResult } from './session-event.js';

/** Receives one snapshot: asks, takes chunk after chunk, and has it merged. */
export interface SnapshotReceiver {
  readonly isActive: boolean;
  readonly progress: { readonly rows: number; readonly bytes: number; readonly stage: Stage } | null;
  /** Cost of the chunks that are not with the replica yet. */
  readonly queuedCost: number;
  start(): void;
  pump(): void;
  onMessage(message: SnapshotMessage): void;
  onResult(result: CallResult): MergeResult | null;
  /** Nothing more will come. What has come whole is merged all the same. */
  abandon(): void;
  forget(): void;
}

type Stage = 'asked' | 'receiving' | 'merging' | 'refused';

interface Hooks {
  readonly nextStream: () => number;
  readonly progressed: () => void;
  /** The peer had nothing to give: another one may have the turn. */
  readonly gaveUp: () => void;
  /** The snapshot is merged; the stream goes on from here. */
  readonly merged: (vector: VersionVector) => void;
}

interface Receiving {
  stage: Stage;
  isOpen: boolean;
  isAdding: boolean;
  rows: number;
  bytes: number;
  chunks: Uint8Array[];
  /** Set once the sender has said how many there are. */
  chunksMax: number | null;
  chunksSeen: number;
  queuedCost: number;
  /** When to give up or to ask again. */
  untilMs: number;
}

interface ReceiverParts {
  readonly context: DatasetContext;
  readonly hooks: Hooks;
  readonly assembly: PieceAssembly;
  receiving: Receiving | null;
}

export function createSnapshotReceiver(context: DatasetContext, hooks: Hooks): SnapshotReceiver {
  const parts: ReceiverParts = { context, hooks, assembly: createPieceAssembly(), receiving: null };
  return {
    get isActive() {
      return parts.receiving !== null;
    },
    get progress() {
      const { receiving } = parts;
      return receiving && { rows: receiving.rows, bytes: receiving.bytes, stage: receiving.stage };
    },
    get queuedCost() {
      return parts.receiving?.queuedCost ?? 0;
    },
    start() {
      parts.assembly.clear();
      parts.receiving = createReceiving(context.time().nowMs + snapshotBeginMs);
      context.send({ kind: 'snapshot-want', dataset: context.number, stream: hooks.nextStream() });
    },
    abandon: () => abandon(parts),
    pump: () => pump(parts),
    onMessage(message) {
      const { receiving } = parts;
      if (!receiving || receiving.stage === 'merging' || receiving.stage === 'refused') return;
      hooks.progressed();
      receiving.untilMs = context.time().nowMs + snapshotIdleMs;
      if (message.kind === 'snapshot-abort') abandon(parts);
      else receive(context, receiving, parts.assembly, message);
    },
    onResult(result) {
      const { receiving } = parts;
      if (!receiving) return null;
      if (result.kind === 'snapshot-receive') receiving.isOpen = true;
      if (result.kind === 'snapshot-add') receiving.isAdding = false;
      if (result.kind !== 'snapshot-finish') return null;
      context.report({ kind: 'snapshot-merged', dataset: context.dataset, rows: result.outcome.rows });
      parts.receiving = null;
      hooks.merged(result.outcome.vector);
      return result.outcome;
    },
    forget() {
      parts.receiving = null;
      parts.assembly.clear();
    },
  };
}

const createReceiving = (untilMs: number): Receiving => ({
  stage: 'asked',
  isOpen: false,
  isAdding: false,
  rows: 0,
  bytes: 0,
  chunks: [],
  chunksMax: null,
  chunksSeen: 0,
  queuedCost: 0,
  untilMs,
});

function abandon({ context, assembly, receiving }: ReceiverParts): void {
  if (!receiving || receiving.chunksMax !== null) return;
  if (receiving.stage === 'receiving') context.call({ kind: 'snapshot-abort' });
  const stage: Stage = 'refused';
  const untilMs = context.time().nowMs + snapshotRetryMs;
  Object.assign(receiving, { stage, isOpen: false, isAdding: false, chunks: [], queuedCost: 0, untilMs });
  assembly.clear();
}

function pump(parts: ReceiverParts): void {
  const { context, hooks, receiving } = parts;
  if (!receiving || receiving.stage === 'merging' || receiving.isAdding) return;
  if (receiving.isOpen && addNext(context, receiving)) return;
  if (context.time().nowMs < receiving.untilMs) {
    context.wakeAt(receiving.untilMs);
    return;
  }
  // Refused long enough ago, or nothing came: the turn can go to another peer, and this one is asked again later.
  if (receiving.stage !== 'refused') {
    abandon(parts);
    return;
  }
  parts.receiving = null;
  hooks.gaveUp();
}

function receive(
  context: DatasetContext,
  receiving: Receiving,
  assembly: PieceAssembly,
  message: SnapshotMessage,
): void {
  if (message.kind === 'snapshot-begin') {
    if (receiving.stage !== 'asked') throw malformed('a snapshot begins twice');
    receiving.stage = 'receiving';
    receiving.rows = message.rows;
    context.call({ kind: 'snapshot-receive', vector: message.vector });
    return;
  }
  if (receiving.stage !== 'receiving' || receiving.chunksMax !== null) throw malformed('a snapshot is out of order');
  if (message.kind === 'snapshot-end') {
    if (message.chunks !== receiving.chunksSeen) throw malformed('a snapshot lacks chunks');
    receiving.chunksMax = message.chunks;
    return;
  }
  if (message.kind !== 'snapshot-piece') return;
  receiving.bytes += message.bytes.length;
  const chunk = assembly.add('chunk', message.bytes, message.rest);
  if (!chunk) return;
  receiving.chunks.push(chunk);
  receiving.queuedCost += costOf(chunk.length);
  receiving.chunksSeen++;
}

/** True when a call is under way now. */
function addNext(context: DatasetContext, receiving: Receiving): boolean {
  const chunk = receiving.chunks.shift();
  if (chunk) {
    receiving.queuedCost -= costOf(chunk.length);
    receiving.isAdding = true;
    context.call({ kind: 'snapshot-add', chunk });
    return true;
  }
  if (receiving.chunksMax === null) return false;
  receiving.stage = 'merging';
  context.call({ kind: 'snapshot-finish', isFirst: context.view.own?.isFresh ?? false });
  return true;
}
