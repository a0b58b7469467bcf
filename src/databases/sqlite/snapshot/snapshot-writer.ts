import { decodeStateChunk, type StateChunk } from '../../../core/state-codec.js';
import type { VersionVector } from '../../../core/version-vector.js';
import { decompressBytes } from '../../../system/compression.js';
import type { SnapshotWriter } from '../../replica.js';
import { measureAdoption, type MeasuredAdoption } from './adoption-preview.js';
import { captureEverything } from '../capture/capture-everything.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { settleAfterDrain, settleWaiting } from '../merge/settle-waiting.js';
import { createChunkSpool, type ChunkSpool } from './chunk-spool.js';
import { landSnapshot, rowsOfChunk } from './land-snapshot.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { whenFree } from '../stores/store-transaction.js';

/** Keeps the chunks of a peer's state aside until all are here; then they land. */
export function receiveSnapshot(
  context: ReplicaContext,
  vector: VersionVector,
  spoolFolder: string | null,
): SnapshotWriter {
  const spool = createChunkSpool(spoolFolder);
  let rows = 0;
  let measured: MeasuredAdoption | null = null;
  const measure = async (): Promise<MeasuredAdoption> => (measured ??= await measureAsItStands(context, spool));
  return {
    async add(chunk) {
      // Read once before anything is merged: a broken chunk must not stop a landing half-way.
      rows += rowsOfChunk(decodeStateChunk(chunk, decompressBytes));
      spool.add(chunk);
      context.tellWork({ kind: 'receiving', done: rows, total: null });
    },
    preview: async () => (await measure()).preview,
    async finish(choice) {
      try {
        return await landSnapshot({ context, vector, spool, rows, choice, measure });
      } finally {
        context.tellWork(null);
        spool.close();
      }
    },
    async abort() {
      context.tellWork(null);
      spool.close();
    },
  };
}

const attemptsMax = 5;

/** The application may have changed the schema while the snapshot came, and may do so while its rows are looked at. */
async function measureAsItStands(context: ReplicaContext, spool: ChunkSpool): Promise<MeasuredAdoption> {
  for (let attempt = 1; ; attempt++) {
    await captureEverything(context, { settleAfterDrain, settleWaiting });
    try {
      return await measureAdoption(context, chunksOf(spool));
    } catch (error) {
      if (attempt === attemptsMax || !(await whenFree(context.system, () => hasSchemaMoved(context)))) throw error;
    }
  }
}

const chunksOf = (spool: ChunkSpool): Iterable<StateChunk> => ({
  *[Symbol.iterator]() {
    for (let i = 0; i < spool.count; i++) yield decodeStateChunk(spool.read(i), decompressBytes);
  },
});
