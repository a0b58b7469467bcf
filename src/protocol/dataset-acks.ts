/** What is merged is flushed in groups, then acknowledged: only what survives power loss counts as held here. */
import { emptyVector, gained, type VersionVector } from '../core/version-vector.js';
import type { DatasetContext } from './dataset-context.js';
import { flushAfterMs } from './protocol-limits.js';

export interface DatasetAcks {
  /** Something is here that was not acknowledged. */
  onMoved(): void;
  onFlushed(vector: VersionVector): void;
  pump(): void;
  /** A flush that is under way counts no more. */
  reset(): void;
}

export function createDatasetAcks(context: DatasetContext): DatasetAcks {
  let flushAtMs: number | null = null;
  let isFlushing = false;
  let acked: VersionVector = emptyVector;

  return {
    onMoved() {
      flushAtMs ??= context.time().nowMs + flushAfterMs;
    },
    onFlushed(vector) {
      isFlushing = false;
      const news = gained(vector, acked);
      acked = vector;
      if (news.size > 0) context.send({ kind: 'ack', dataset: context.number, vector: news });
    },
    pump() {
      if (flushAtMs === null || isFlushing) return;
      if (context.time().nowMs < flushAtMs) {
        context.wakeAt(flushAtMs);
        return;
      }
      flushAtMs = null;
      isFlushing = true;
      context.call({ kind: 'flush' });
    },
    reset() {
      isFlushing = false;
    },
  };
}
