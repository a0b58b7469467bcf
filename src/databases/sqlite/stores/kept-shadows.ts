import type { LifeName } from '../../../core/life.js';
import type { Connection } from '../connection/driver.js';
import { integerAt } from '../connection/row-values.js';
import type { ReplicaContext } from './replica-context.js';

/**
 * Shadows of tables that are gone. A migration that does not run in one transaction drops a table, and another one takes its name
 * a moment later: its rows must be the ones that they were, or they stand twice on every server. Kept until the database
 * is opened anew.
 */
export const areShadowsKept = (connection: Connection, number: number): boolean =>
  connection.prepare(`SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?`).get(`_usync_s${number}`) !==
  undefined;

/** Whoever looks at their table again names its rows anew. Inside a write transaction. */
export function dropKeptShadows({ connection, tables, lives, displaced }: ReplicaContext): void {
  for (const { number, rootPage } of tables.records()) {
    if (rootPage !== 0 || !areShadowsKept(connection, number)) continue;
    connection.exec(`DROP TABLE main._usync_s${number}`);
    lives.dropTable(number);
    displaced.dropTable(number);
  }
}

/** A life of a table that is gone has ended: a row that comes back with the table is another one. */
export function forgetKeptLife({ connection, origins, tables }: ReplicaContext, table: string, life: LifeName): void {
  if (tables.byName(table)) return;
  const gone = connection
    .cached('SELECT number FROM _usync_tables WHERE root = 0 AND name = ? COLLATE NOCASE')
    .all(table)
    .map((row) => integerAt(row, 0));
  for (const number of gone) {
    if (!areShadowsKept(connection, number)) continue;
    connection
      .cached(`DELETE FROM main._usync_s${number} WHERE s = ? AND i = ? AND o = ?`)
      .run(BigInt(life.stamp), BigInt(life.index), BigInt(origins.numberOf(life.origin)));
  }
}
