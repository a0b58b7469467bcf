import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';

const statementsByDatabase = new WeakMap<DatabaseSyncInstance, Map<string, StatementSyncInstance>>();

/** A prepared statement of an application's connection, kept for the next use: most are run again and again. */
export function applicationStatement(db: DatabaseSyncInstance, sql: string): StatementSyncInstance {
  let statements = statementsByDatabase.get(db);
  if (!statements) statementsByDatabase.set(db, (statements = new Map()));
  let statement = statements.get(sql);
  if (!statement) statements.set(sql, (statement = db.prepare(sql)));
  return statement;
}
