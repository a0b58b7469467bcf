import { countRows } from '../schema/schema-change.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { whenFree } from '../stores/store-transaction.js';
import type { PendingReconcile } from './pending-reconcile.js';

/** How far taking in rows is that were there before anybody noted them. */
export interface AdoptionWork {
  took(rows: number): void;
  end(): void;
}

/** Fewer are taken in at once. */
const rowsToldMin = 10_000;
const silent: AdoptionWork = { took: () => undefined, end: () => undefined };

/** Counts the rows once: while they are taken in, applications may write more. */
export async function beginAdoption(
  context: ReplicaContext,
  pending: readonly PendingReconcile[],
): Promise<AdoptionWork> {
  const tables = pending.filter(({ naming }) => naming === 'genesis').map(({ table }) => table);
  if (tables.length === 0) return silent;
  const total = await whenFree(context.system, () => tables.reduce((sum, table) => sum + countRows(context, table), 0));
  if (total < rowsToldMin) return silent;
  let done = 0;
  const tell = (): void => context.tellWork({ kind: 'adopting', done: Math.min(done, total), total });
  tell();
  return {
    took(rows) {
      done += rows;
      tell();
    },
    end: () => context.tellWork(null),
  };
}
