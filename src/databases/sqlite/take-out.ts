/** The way out: a database as it was before Universal Sync, its rows as they stand. */
import { errorMessageOf, SyncError } from '../../core/sync-error.js';
import { canaryNumber } from './capture/capture-canary.js';
import { removeAllTriggers } from './capture/capture-triggers.js';
import type { Connection } from './connection/driver.js';
import { isLocked } from './connection/sqlite-failure.js';
import { transact } from './connection/transaction.js';
import { dropSyncTables, hasSyncTables } from './stores/sync-tables.js';

/** What Universal Sync has in one database. */
export interface OwnParts {
  readonly triggers: number;
  readonly tables: number;
  /** Writes that were noted and not captured: no other server has them. */
  readonly notes: number;
  readonly conflicts: number;
  /** The group's rows are here in part only: their landing was cut off. */
  readonly isLanding: boolean;
}

export function ownParts(connection: Connection): OwnParts {
  const count = (sql: string): number => Number(connection.prepare(sql).get()?.[0] ?? 0);
  const named = (type: string): number =>
    count(String.raw`SELECT count(*) FROM sqlite_schema WHERE type = '${type}' AND name LIKE '\_usync\_%' ESCAPE '\'`);
  const [triggers, tables] = [named('trigger'), named('table')];
  if (!hasSyncTables(connection)) return { triggers, tables, notes: 0, conflicts: 0, isLanding: false };
  return {
    triggers,
    tables,
    // The newest note is kept after it was captured.
    notes: count(`SELECT count(*) FROM _usync_notes
      WHERE tbl <> ${canaryNumber} AND seq > coalesce((SELECT CAST(value AS INTEGER) FROM _usync_meta WHERE name = 'cursor'), 0)`),
    conflicts: count('SELECT count(*) FROM _usync_conflicts'),
    isLanding: count(`SELECT count(value) FROM _usync_meta WHERE name = 'landing'`) > 0,
  };
}

/** How many writes were noted since they were last captured; null where no engine ever ran. */
export const waitingNotes = (connection: Connection): number | null =>
  hasSyncTables(connection) ? ownParts(connection).notes : null;

/**
 * Takes all of it out, or nothing, in one transaction: other programs wait for it. The caller holds the engine's lock.
 * Throws `USYNC-1201` when the file is busy for longer than its connection waits.
 */
export function takeOut(connection: Connection): void {
  try {
    transact(connection, 'immediate', () => {
      removeAllTriggers(connection);
      dropSyncTables(connection);
    });
  } catch (error) {
    if (!isLocked(error)) throw error;
    throw new SyncError('USYNC-1201', `${connection.location} is busy: ${errorMessageOf(error)}`, { cause: error });
  }
}
