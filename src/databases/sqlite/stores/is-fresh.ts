import type { ReplicaContext } from './replica-context.js';
import { inTransaction, whenFree } from './store-transaction.js';

/** Whether the replica has never been part of its dataset: it must take a snapshot first, or found it. */
export const isFresh = ({ meta, origins }: Pick<ReplicaContext, 'meta' | 'origins'>): boolean =>
  meta.text('isFounded') === null && origins.vector().size === 0;

/** From here on what stands here is captured: it is the dataset. */
export async function found(context: ReplicaContext): Promise<void> {
  if (context.meta.text('isFounded') !== null) return;
  await whenFree(context.system, () => inTransaction(context, () => context.meta.set('isFounded', 1)));
}
