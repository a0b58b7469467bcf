import { SyncError } from '../../../core/sync-error.js';
import type { Connection } from '../connection/driver.js';
import { textAt } from '../connection/row-values.js';

/** What the state is made of. The other tables of ours begin anew when they are gone, and nothing but what they held is lost. */
const stateTables: readonly string[] = [
  '_usync_meta',
  '_usync_origins',
  '_usync_tables',
  '_usync_moved',
  '_usync_displaced',
  '_usync_lives',
  '_usync_cells',
  '_usync_cell_columns',
  '_usync_aliases',
  '_usync_seen',
  '_usync_strays',
  '_usync_journal',
];

/**
 * Tables of the state that somebody dropped, as a migration tool does that takes tables it does not know for garbage. Without
 * one of them nobody can tell which row is which, so what is left of the state counts for nothing. None where there is no
 * state at all.
 */
export function goneTables(connection: Connection): string[] {
  // Triggers of ours as well: where only they are left, no application can write.
  const own = connection
    .prepare(`SELECT name FROM main.sqlite_schema WHERE name LIKE '\\_usync\\_%' ESCAPE '\\'`)
    .all();
  if (own.length === 0) return [];
  const present = new Set(own.map((row) => textAt(row, 0)));
  const wanted = [...stateTables, ...(present.has('_usync_tables') ? shadowTables(connection) : [])];
  return wanted.filter((name) => !present.has(name));
}

const shadowTables = (connection: Connection): string[] =>
  connection
    .prepare('SELECT number FROM main._usync_tables WHERE root <> 0 ORDER BY number')
    .all()
    .map(([number]) => `_usync_s${String(number)}`);

export const stateIsGone = ({ location }: Connection, gone: readonly string[]): SyncError =>
  new SyncError('USYNC-1213', `tables of Universal Sync were dropped from ${location}: ${gone.join(', ')}`);
