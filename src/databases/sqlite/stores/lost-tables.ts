import type { ReplicaContext } from './replica-context.js';

/**
 * Tables that were dropped, or made anew with nothing in them, while they held rows. That ends no row elsewhere, but the
 * rows are not here, although the vector covers them: a peer's snapshot brings them back. By number.
 */
export const lostTables = ({ meta }: Pick<ReplicaContext, 'meta'>): ReadonlySet<number> =>
  new Set(JSON.parse(meta.text('lost-tables') ?? '[]') as number[]);

export function addLostTable(context: Pick<ReplicaContext, 'meta'>, number: number): void {
  write(context, new Set(lostTables(context)).add(number));
}

export function removeLostTable(context: Pick<ReplicaContext, 'meta'>, number: number): void {
  const lost = new Set(lostTables(context));
  if (lost.delete(number)) write(context, lost);
}

const write = ({ meta }: Pick<ReplicaContext, 'meta'>, lost: ReadonlySet<number>): void =>
  meta.set('lost-tables', lost.size === 0 ? null : JSON.stringify([...lost]));
