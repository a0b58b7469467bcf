import type { ReplicaContext } from './replica-context.js';

/**
 * Tables that were dropped, or made anew with nothing in them, while they held rows. That ends no row elsewhere, but the
 * rows are not here, although the vector covers them: a peer's snapshot brings them back. By number.
 */
export const lostTables = (context: Pick<ReplicaContext, 'meta'>): ReadonlySet<number> => read(context, 'lost-tables');

export const addLostTable = (context: Pick<ReplicaContext, 'meta'>, number: number): void =>
  write(context, 'lost-tables', new Set(lostTables(context)).add(number));

/**
 * Tables of which a column was dropped. Its values are not here, although the vector covers them: where the column is made
 * again, a peer's snapshot brings them back. By number.
 */
export const tablesWithLostColumns = (context: Pick<ReplicaContext, 'meta'>): ReadonlySet<number> =>
  read(context, 'lost-columns');

export const addLostColumns = (context: Pick<ReplicaContext, 'meta'>, number: number): void =>
  write(context, 'lost-columns', new Set(tablesWithLostColumns(context)).add(number));

/**
 * Tables of which a snapshot brought the vector and did not tell the rows, since its sender has lost them. What is not here may
 * live, and what is here may have ended: the snapshot of a peer that has the table says both. By number.
 */
export const untoldTables = (context: Pick<ReplicaContext, 'meta'>): ReadonlySet<number> =>
  read(context, 'untold-tables');

export const addUntoldTable = (context: Pick<ReplicaContext, 'meta'>, number: number): void =>
  write(context, 'untold-tables', new Set(untoldTables(context)).add(number));

/** Tables of which rows may be missing here although the vector covers them. By number. */
export const tablesWithoutRows = (context: Pick<ReplicaContext, 'meta'>): ReadonlySet<number> =>
  new Set([...lostTables(context), ...untoldTables(context)]);

/** What was lost of the table has come back, or nobody has it. */
export function removeLostTable(context: Pick<ReplicaContext, 'meta'>, number: number): void {
  for (const name of ['lost-tables', 'lost-columns', 'untold-tables'] as const) {
    const lost = new Set(read(context, name));
    if (lost.delete(number)) write(context, name, lost);
  }
}

type LostName = 'lost-tables' | 'lost-columns' | 'untold-tables';

const read = ({ meta }: Pick<ReplicaContext, 'meta'>, name: LostName): ReadonlySet<number> =>
  new Set(JSON.parse(meta.text(name) ?? '[]') as number[]);

const write = ({ meta }: Pick<ReplicaContext, 'meta'>, name: LostName, lost: ReadonlySet<number>): void =>
  meta.set(name, lost.size === 0 ? null : JSON.stringify([...lost]));
