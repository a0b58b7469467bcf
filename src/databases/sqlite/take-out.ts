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
  // Somebody may have dropped some of them.
  const countIn = (table: string, sql: string): number =>
    connection.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table) ? count(sql) : 0;
  const meta = (name: string): string => `FROM _usync_meta WHERE name = '${name}'`;
  const cursor = countIn('_usync_meta', `SELECT CAST(value AS INTEGER) ${meta('cursor')}`);
  return {
    triggers,
    tables,
    // The newest note is kept after it was captured.
    notes: countIn(
      '_usync_notes',
      `SELECT count(*) FROM _usync_notes WHERE tbl <> ${canaryNumber} AND seq > ${cursor}`,
    ),
    conflicts: countIn('_usync_conflicts', 'SELECT count(*) FROM _usync_conflicts'),
    isLanding: countIn('_usync_meta', `SELECT count(value) ${meta('landing')}`) > 0,
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
