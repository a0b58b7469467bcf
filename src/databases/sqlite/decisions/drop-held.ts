import { isSameLife, type LifeName } from '../../../core/life.js';
import { mergeOwn } from '../merge/settle-waiting.js';
import type { AsideLife } from '../stores/aside-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { heldLives, quarantineId } from './quarantine-records.js';

/**
 * Deletes a row that is held back, on every server: as if an application had deleted it, had it seen it. Inside a
 * transaction, after a drain. Returns false when no such row is held.
 */
export function dropHeld(context: ReplicaContext, id: string): boolean {
  for (const held of heldLives(context)) {
    if (quarantineId(held) !== id) continue;
    const { table } = held;
    mergeOwn(context, [
      { kind: 'end', table, count: 1, why: 'delete', lives: [livesOf(context, held)], keyColumns: [], keys: [] },
    ]);
    return true;
  }
  return false;
}

/** All lives of the row, so that none of them brings it back. */
function livesOf({ asides, aliases }: ReplicaContext, { table, life, row }: AsideLife): LifeName[] {
  const lives = [life];
  for (const other of [...asides.all(table)]) {
    const isSameRow = isSameLife(aliases.rowNow(table, other.row), aliases.rowNow(table, row));
    if (isSameRow && !isSameLife(other.life, life)) lives.push(other.life);
  }
  return lives;
}
