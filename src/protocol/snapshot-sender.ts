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

interface SenderParts {
  readonly context: DatasetContext;
  readonly credit: Credit;
  sending: Sending | null;
  /** A reader that was opened must be closed, also when its snapshot was stopped before the opening was answered. */
  openings: number;
}

export function createSnapshotSender(context: DatasetContext, credit: Credit): SnapshotSender {
  const parts: SenderParts = { context, credit, sending: null, openings: 0 };
  return {
    get isActive() {
      return parts.sending !== null;
    },
    get progress() {
      return parts.sending && { rows: parts.sending.rows, bytes: parts.sending.bytes };
    },
    start(stream) {
      parts.sending = { stream, stage: 'opening', rows: 0, bytes: 0, chunks: 0, chunk: new Uint8Array(0), sent: 0 };
      parts.openings++;
      context.call({ kind: 'snapshot-open' });
    },
    refuse(stream) {
      const text = 'the other server has nothing whole to send yet';
      context.send({ kind: 'snapshot-abort', dataset: context.number, stream, text });
    },
    pump() {
      if (parts.sending?.stage === 'sending') sendChunk(parts, parts.sending);
    },
    onResult(result) {
      if (result.kind === 'snapshot-open') onOpened(parts, result);
      else if (result.kind === 'snapshot-next' && parts.sending) onChunk(parts, parts.sending, result.chunk);
    },
    stop() {
      // Calls are carried out in order, so this closes a reader whose opening is not answered yet as well.
      if (parts.sending && parts.sending.stage !== 'ended') context.call({ kind: 'snapshot-close' });
      parts.sending = null;
    },
    forget() {
      parts.sending = null;
      parts.openings = 0;
    },
  };
}

function onOpened(parts: SenderParts, { vector, rows }: Extract<CallResult, { kind: 'snapshot-open' }>): void {
  const { context, sending } = parts;
  parts.openings--;
  if (sending?.stage !== 'opening' || parts.openings > 0) return;
  sending.stage = 'asking';
  sending.rows = rows;
  const { stream } = sending;
  context.send({ kind: 'snapshot-begin', dataset: context.number, stream, vector, rows });
  context.call({ kind: 'snapshot-next' });
}

function onChunk({ context }: SenderParts, sending: Sending, chunk: Uint8Array | null): void {
  if (sending.stage !== 'asking') return;
  if (chunk) {
    Object.assign(sending, { stage: 'sending', chunk, sent: 0 });
    return;
  }
  sending.stage = 'ended';
  const { stream, chunks, rows } = sending;
  context.send({ kind: 'snapshot-end', dataset: context.number, stream, chunks });
  context.report({ kind: 'snapshot-sent', dataset: context.dataset, rows });
  context.call({ kind: 'snapshot-close' });
}

/** As much of the chunk as credit and queue allow. When it is out, the next one is asked for. */
function sendChunk({ context, credit }: SenderParts, sending: Sending): void {
  for (;;) {
    const left = sending.chunk.length - sending.sent;
    const size = Math.min(left, pieceBytesMax, credit.credit() - pieceOverheadBytes, context.room());
    if (size < Math.min(left, 4096)) return;
    const bytes = sending.chunk.subarray(sending.sent, sending.sent + size);
    const { stream } = sending;
    context.send({ kind: 'snapshot-piece', dataset: context.number, stream, rest: left - size, bytes });
    credit.take(size);
    sending.sent += size;
    sending.bytes += size;
    if (sending.sent === sending.chunk.length) break;
  }
  sending.chunks++;
  sending.stage = 'asking';
  context.call({ kind: 'snapshot-next' });
}
