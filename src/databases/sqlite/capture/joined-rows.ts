import { unwrittenStamp } from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import { joinedMark } from '../stores/cell-names.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { addPendingSettle } from '../merge/tables-to-settle.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/**
 * The cells of a row that was found, where the group has the row already, elsewhere or with other content: below all that the
 * group wrote, since the found copy is older than that.
 */
export const foundStamp = 1 as Stamp;

/** Which of the rows with these names are here already. To be called before they are written. */
export function rowsHere(
  context: ReplicaContext,
  table: SyncedTable,
  names: ReadonlyMap<number, LifeName>,
): ReadonlySet<number> {
  const here = new Set<number>();
  if (!hasOthers(context)) return here;
  const { rows } = memoryOf(context);
  for (const [n, name] of names)
    if (rows.keysOfRow(table, name).length > 0 || hiddenLives(context, table, name) > 0) here.add(n);
  return here;
}

/**
 * New lives may be of rows that are here already: two servers name a row alike by its key, or by key and content, and one of
 * them has moved or changed it since. Such a row is shown once, by the rules, as soon as all that was written is known.
 */
export function noteJoined(context: ReplicaContext, table: SyncedTable, names: Iterable<LifeName>): void {
  if (!hasOthers(context)) return;
  const { asides, shadows } = context;
  const { rows } = memoryOf(context);
  for (const name of names) {
    const keys = rows.keysOfRow(table, name);
    if (keys.length + hiddenLives(context, table, name) < 2) continue;
    for (const key of keys) {
      const life = shadows.find(table, key)?.life;
      if (!life) continue;
      const extras = new Map(asides.extraCells(table.name, life));
      asides.putExtraCells(table.name, life, extras.set(joinedMark, { value: null, at: unwrittenStamp }));
    }
    addPendingSettle(context, [table]);
  }
}

/** Whoever has merged nothing from others has each row once. */
const hasOthers = ({ origins }: ReplicaContext): boolean => {
  const own = origins.own();
  return [...origins.vector().keys()].some((origin) => origin !== own);
};

function hiddenLives({ aliases, asides }: ReplicaContext, { name: table }: SyncedTable, row: LifeName): number {
  if (asides.isEmpty(table)) return 0;
  const now = aliases.rowNow(table, row);
  return [now, ...aliases.mergedInto(table, now)].reduce((sum, each) => sum + asides.ofRow(table, each).length, 0);
}
