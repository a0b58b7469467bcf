import { SyncError } from '../../../core/sync-error.js';
import { installTriggers } from './capture-triggers.js';
import type { Connection } from '../connection/driver.js';
import { createNoteStore } from './note-store.js';
import type { DiscoveredTable } from '../schema/discovered-table.js';

/** In notes, where tables have theirs. */
export const canaryNumber = 0;

/**
 * Proves that this SQLite runs the triggers of capture: a row written into a table of our own must be noted (decision
 * 11). Inside a write transaction. Throws `SyncError` USYNC-1001 when it is not.
 */
export function testCapture(connection: Connection): void {
  connection.exec('CREATE TABLE IF NOT EXISTS main._usync_canary (id INTEGER PRIMARY KEY, sung INTEGER)');
  const hasTrigger = connection
    .prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '_usync_canary' LIMIT 1`)
    .get();
  if (!hasTrigger) installTriggers(connection, [{ number: canaryNumber, table: canaryTable }]);
  const notes = createNoteStore(connection);
  const before = notes.newest();
  connection.exec(`INSERT INTO _usync_canary (id, sung) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET sung = sung + 1`);
  const sung = notes.read({ after: before, upTo: notes.newest() }, 1);
  if (sung.some((note) => note.table === canaryNumber && note.key[0] === 1n)) return;
  throw new SyncError('USYNC-1001', `a row written to ${connection.location} was not noted: capture does not work`);
}

const canaryTable: DiscoveredTable = {
  name: '_usync_canary',
  schema: { name: '_usync_canary', columns: [], key: ['id'], keyKind: 'generated', references: [], uniques: [] },
  storage: 'rowid',
  rowidName: 'id',
  isRowidKey: true,
  isAutoincrement: false,
  key: [{ name: 'id', collation: 'BINARY', affinity: 'INTEGER', canBeNull: false }],
  columns: [],
  uniques: [],
  triggers: [],
  rootPage: 0,
  obstacle: null,
  isObstaclePassing: false,
};
