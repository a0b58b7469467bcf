import type { Connection } from './driver.js';

/**
 * Runs `work` in a transaction of its own: `immediate` takes the write lock at once, `deferred` is for reading one
 * snapshot. Whatever is thrown, also by COMMIT, rolls back and is thrown on.
 */
export function transact<T>(connection: Connection, mode: 'immediate' | 'deferred', work: () => T): T {
  connection.exec(mode === 'immediate' ? 'BEGIN IMMEDIATE' : 'BEGIN DEFERRED');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    // Some failures (a full disk) roll back by themselves.
    if (connection.isOpen && connection.isInTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

/** A deferred transaction begins with its first read: from here on it sees one state. */
export const beginReading = (connection: Connection): void =>
  void connection.prepare('SELECT count(*) FROM sqlite_schema').get();
