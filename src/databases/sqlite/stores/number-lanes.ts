import { lastBeforeLane, type NumberLane } from '../../../core/number-lane.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from './replica-context.js';

/** Above this a jump could leave the range of JavaScript's integers. */
const lastMax = 2n ** 52n;

/** Which numbers this server is to take, from now on and in every table. Inside a transaction. Returns whether it is new. */
export function takeNumberLane(context: ReplicaContext, lane: NumberLane | null): boolean {
  const text = lane && lane.lanes > 1 ? `${lane.lane}/${lane.lanes}` : null;
  if (context.meta.text('lane') === text) return false;
  context.meta.set('lane', text);
  keepNumberLane(context, context.tables.all());
  return true;
}

/**
 * Moves the counters of AUTOINCREMENT tables into the own lane. SQLite counts on from the highest number that was ever
 * there, so rows of others lift the counter out of the lane again: this is asked at the end of every transaction for the
 * tables that it changed. Tables without AUTOINCREMENT have no counter; their clashes are settled by rule R5.
 */
export function keepNumberLane(context: ReplicaContext, tables: Iterable<SyncedTable>): void {
  const lane = laneIn(context);
  if (!lane) return;
  const { connection } = context;
  for (const { name, form } of tables) {
    if (!form.isAutoincrement) continue;
    const [last] = connection.cached('SELECT seq FROM sqlite_sequence WHERE name = ?').get(name) ?? [];
    const known = typeof last === 'bigint' ? last : null;
    // A counter that somebody set by hand below zero, or near its end, is left alone.
    if (known !== null && (known < 0n || known > lastMax)) continue;
    const moved = lastBeforeLane(known ?? 0n, lane);
    if (known === null) {
      if (moved > 0n) connection.cached('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, moved);
    } else if (moved !== known) {
      connection.cached('UPDATE sqlite_sequence SET seq = ? WHERE name = ?').run(moved, name);
    }
  }
}

function laneIn({ meta }: ReplicaContext): NumberLane | null {
  const [lane, lanes] = meta.text('lane')?.split('/').map(Number) ?? [];
  return lane === undefined || lanes === undefined ? null : { lane, lanes };
}
