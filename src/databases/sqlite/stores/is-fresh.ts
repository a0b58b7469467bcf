import type { ReplicaContext } from './replica-context.js';

/** Whether the replica has never been part of its dataset: it must take a snapshot first, or found it. */
export const isFresh = ({ meta, origins }: Pick<ReplicaContext, 'meta' | 'origins'>): boolean =>
  meta.text('isFounded') === null && origins.vector().size === 0;
