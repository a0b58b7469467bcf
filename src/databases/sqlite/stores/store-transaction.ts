import { SyncError } from '../../../core/sync-error.js';
import type { System } from '../../../system/system.js';
import { keepKnownValues } from '../capture/known-values.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { keepNumberLane } from './number-lanes.js';
import type { ReplicaContext } from './replica-context.js';
import { refuseRestored } from './restored-content.js';
import { isLocked } from '../connection/sqlite-failure.js';
import { transact } from '../connection/transaction.js';

/** A write transaction over the stores: digests are written at its end, caches dropped when it fails. */
export function inTransaction<T>(context: ReplicaContext, work: () => T): T {
  let hasBegun = false;
  try {
    return transact(context.connection, 'immediate', () => {
      refuseRestored(context);
      hasBegun = true;
      keepKnownValues(context);
      const result = work();
      keepNumberLane(context, changedTables(context));
      context.tables.saveDigests();
      return result;
    });
  } catch (error) {
    // Where the lock was not to be had nothing has happened.
    if (hasBegun) reloadStores(context);
    throw error;
  }
}

function* changedTables({ tables }: ReplicaContext): IterableIterator<SyncedTable> {
  for (const number of tables.changedTables()) {
    const table = tables.byNumber(number);
    if (table) yield table;
  }
}

export function reloadStores(context: ReplicaContext): void {
  context.meta.reload();
  context.origins.reload();
  context.tables.reload();
  context.lives.reload();
  context.displaced.reload();
  context.asides.reload();
  context.aliases.reload();
  context.journal.reload();
  context.seen.reload();
  context.strays.reload();
}

/** How long a lock of another program is waited for before the call fails with USYNC-1201. */
const lockWaitMaxMs = 15_000;

/**
 * Runs `work`, again and again while another program holds the lock. Waits on a timer, never inside SQLite, so that this
 * thread stays free; the pauses are odd, so that they do not fall in step with the sleeps of other programs.
 */
export async function whenFree<T>(system: System, work: () => T): Promise<T> {
  const startMs = system.monotonicMs();
  for (let attempt = 0; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!isLocked(error) || system.monotonicMs() - startMs > lockWaitMaxMs) throw lockedTooLong(error);
    }
    await pause(system, pausesMs[Math.min(attempt, pausesMs.length - 1)] ?? 1);
  }
}

const pausesMs: readonly number[] = [0.5, 1, 1, 2, 3, 5, 7, 11, 17, 23];

export const pause = (system: System, ms: number): Promise<void> =>
  new Promise((resolve) => {
    system.after(ms, resolve);
  });

const lockedTooLong = (error: unknown): unknown =>
  isLocked(error)
    ? new SyncError('USYNC-1201', `another program has held the lock for ${lockWaitMaxMs / 1000} s`, { cause: error })
    : error;
