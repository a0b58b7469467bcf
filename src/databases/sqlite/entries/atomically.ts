import type { Connection } from '../connection/driver.js';

/** One transaction; part of the one that is open already. */
export function atomically<T>(connection: Connection, work: () => T): T {
  if (connection.isInTransaction) return work();
  connection.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.isInTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}
