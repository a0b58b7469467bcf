import { decodeStateChunk, type StateChunk } from '../../../core/state-codec.js';
import { SyncError } from '../../../core/sync-error.js';
import { decompressBytes } from '../../../system/compression.js';
import { bytesAt, integerAt } from '../connection/row-values.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, pause, whenFree } from '../stores/store-transaction.js';
import type { ChunkSpool } from './chunk-spool.js';

/**
 * The chunks of a snapshot that is landing, in the database itself (`_usync_snapshot`): whatever becomes of the process,
 * of the peer or of the file as a whole, what is needed to finish the landing is where the landing is.
 */
export async function keepChunks(context: ReplicaContext, spool: ChunkSpool): Promise<void> {
  await dropChunks(context);
  let place = 0;
  const putNext = (): boolean => {
    if (place >= spool.count) return false;
    context.connection
      .cached('INSERT INTO _usync_snapshot (place, bytes) VALUES (?, ?)')
      .run(BigInt(place), spool.read(place));
    place++;
    return true;
  };
  while (place < spool.count) {
    const from = place;
    await inSlice(context, () => {
      place = from;
      return putNext;
    });
  }
}

export const countChunks = ({ connection }: ReplicaContext): number =>
  integerAt(connection.cached('SELECT count(*) FROM _usync_snapshot').get() ?? [0n], 0);

/** One by one, so that a large snapshot is never in memory as a whole. */
export async function* keptChunks(context: ReplicaContext, count: number): AsyncIterableIterator<StateChunk> {
  for (let place = 0; place < count; place++) yield await keptChunk(context, place);
}

export async function keptChunk({ connection, system }: ReplicaContext, place: number): Promise<StateChunk> {
  const row = await whenFree(system, () =>
    connection.cached('SELECT bytes FROM _usync_snapshot WHERE place = ?').get(BigInt(place)),
  );
  if (!row) throw new SyncError('USYNC-1001', `chunk ${place} of the snapshot that is landing is not there`);
  return decodeStateChunk(bytesAt(row, 0), decompressBytes);
}

/** Forgets all chunks. From the last one on, so that a crash in between leaves nothing that looks complete. */
export async function dropChunks(context: ReplicaContext): Promise<void> {
  const { connection } = context;
  const dropNext = (): boolean =>
    connection.cached('DELETE FROM _usync_snapshot WHERE place = (SELECT max(place) FROM _usync_snapshot)').run()
      .changes > 0;
  const hasChunks = (): boolean => connection.cached('SELECT 1 FROM _usync_snapshot LIMIT 1').get() !== undefined;
  while (await whenFree(context.system, hasChunks)) await inSlice(context, () => dropNext);
}

/** One transaction: steps as long as the time of a slice allows, then the pause. `begin` is asked anew at each attempt. */
async function inSlice(context: ReplicaContext, begin: () => () => boolean): Promise<void> {
  const { system, pace } = context;
  const heldMs = await whenFree(system, () =>
    inTransaction(context, () => {
      const startMs = system.monotonicMs();
      const step = begin();
      while (step() && system.monotonicMs() - startMs < pace.sliceMs);
      return system.monotonicMs() - startMs;
    }),
  );
  await pause(system, pace.pauseMs(heldMs));
}
