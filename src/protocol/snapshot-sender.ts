import { pieceOverheadBytes, type DatasetContext } from './dataset-context.js';
import { pieceBytesMax } from './protocol-limits.js';
import type { CallResult } from './session-event.js';

/** Sends the whole state, chunk by chunk, under the same credit as the stream. */
export interface SnapshotSender {
  readonly isActive: boolean;
  readonly progress: { readonly rows: number; readonly bytes: number } | null;
  start(stream: number): void;
  refuse(stream: number): void;
  pump(): void;
  onResult(result: CallResult): void;
  /** Ends it and closes the reader. */
  stop(): void;
  /** Ends it; the reader is gone already. */
  forget(): void;
}

interface Credit {
  readonly credit: () => number;
  readonly take: (bytes: number) => void;
}

interface Sending {
  readonly stream: number;
  stage: 'opening' | 'asking' | 'sending' | 'ended';
  rows: number;
  bytes: number;
  chunks: number;
  chunk: Uint8Array;
  sent: number;
}

export function createSnapshotSender(context: DatasetContext, { credit, take }: Credit): SnapshotSender {
  let sending: Sending | null = null;
  // A reader that was opened must be closed, also when its snapshot was stopped before the opening was answered.
  let openings = 0;

  const refuse = (stream: number): void => {
    const text = 'the other server has nothing whole to send yet';
    context.send({ kind: 'snapshot-abort', dataset: context.number, stream, text });
  };
  const close = (): void => context.call({ kind: 'snapshot-close' });

  const pump = (): void => {
    while (sending?.stage === 'sending') {
      const left = sending.chunk.length - sending.sent;
      const size = Math.min(left, pieceBytesMax, credit() - pieceOverheadBytes, context.room());
      if (size < Math.min(left, 4096)) return;
      const bytes = sending.chunk.subarray(sending.sent, sending.sent + size);
      const { stream } = sending;
      context.send({ kind: 'snapshot-piece', dataset: context.number, stream, rest: left - size, bytes });
      take(size);
      sending.sent += size;
      sending.bytes += size;
      if (sending.sent < sending.chunk.length) continue;
      sending.chunks++;
      sending.stage = 'asking';
      context.call({ kind: 'snapshot-next' });
    }
  };

  const onChunk = (chunk: Uint8Array | null): void => {
    if (sending?.stage !== 'asking') return;
    if (chunk) {
      Object.assign(sending, { stage: 'sending', chunk, sent: 0 });
      return;
    }
    sending.stage = 'ended';
    const { stream, chunks, rows } = sending;
    context.send({ kind: 'snapshot-end', dataset: context.number, stream, chunks });
    context.report({ kind: 'snapshot-sent', dataset: context.dataset, rows });
    close();
  };

  return {
    get isActive() {
      return sending !== null;
    },
    get progress() {
      return sending && { rows: sending.rows, bytes: sending.bytes };
    },
    start(stream) {
      sending = { stream, stage: 'opening', rows: 0, bytes: 0, chunks: 0, chunk: new Uint8Array(0), sent: 0 };
      openings++;
      context.call({ kind: 'snapshot-open' });
    },
    refuse,
    pump,
    onResult(result) {
      if (result.kind === 'snapshot-open') {
        openings--;
        if (sending?.stage !== 'opening' || openings > 0) return;
        sending.stage = 'asking';
        sending.rows = result.rows;
        const { stream } = sending;
        const { vector, rows } = result;
        context.send({ kind: 'snapshot-begin', dataset: context.number, stream, vector, rows });
        context.call({ kind: 'snapshot-next' });
      } else if (result.kind === 'snapshot-next') onChunk(result.chunk);
    },
    stop() {
      // Calls are carried out in order, so this closes a reader whose opening is not answered yet as well.
      if (sending && sending.stage !== 'ended') close();
      sending = null;
    },
    forget() {
      sending = null;
      openings = 0;
    },
  };
}
