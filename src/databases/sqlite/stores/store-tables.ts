/**
 * The tables of the stores: origins, shadows, lives that are not plainly shown, journal, conflicts.
 * Origins are numbers here (`_usync_origins`), synced tables are numbers in shadows, names elsewhere: a life may wait
 * for a table that does not exist here. A life is (origin, stamp, place); the stamp of a cell is a blob (`stamp-bytes.ts`).
 */
export const storeTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS _usync_origins (
    number INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, stamp INTEGER NOT NULL, chain TEXT NOT NULL,
    told INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS _usync_tables (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, layout TEXT NOT NULL, key TEXT NOT NULL, rows INTEGER NOT NULL,
    sum INTEGER NOT NULL, root INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS _usync_moved (
    tbl INTEGER NOT NULL, origin INTEGER NOT NULL, stamp INTEGER NOT NULL, place INTEGER NOT NULL,
    key BLOB NOT NULL, PRIMARY KEY (tbl, stamp, origin, place)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_displaced (
    tbl INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (tbl, number, at)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS _usync_displaced_at ON _usync_displaced (tbl, at)`,
  `CREATE TABLE IF NOT EXISTS _usync_lives (
    tbl TEXT NOT NULL, origin INTEGER NOT NULL, stamp INTEGER NOT NULL, place INTEGER NOT NULL,
    row_origin INTEGER NOT NULL, row_stamp INTEGER NOT NULL, row_place INTEGER NOT NULL,
    why TEXT NOT NULL, behind_origin INTEGER, behind_stamp INTEGER, behind_place INTEGER,
    key BLOB, note TEXT, cells BLOB NOT NULL, PRIMARY KEY (tbl, stamp, origin, place)) WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS _usync_lives_row ON _usync_lives (tbl, row_stamp, row_origin, row_place)`,
  `CREATE INDEX IF NOT EXISTS _usync_lives_behind ON _usync_lives (tbl, behind_stamp, behind_origin, behind_place)
    WHERE behind_stamp IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS _usync_cells (
    tbl TEXT NOT NULL, origin INTEGER NOT NULL, stamp INTEGER NOT NULL, place INTEGER NOT NULL,
    cells BLOB NOT NULL, PRIMARY KEY (tbl, stamp, origin, place)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_cell_columns (
    tbl TEXT NOT NULL, col TEXT NOT NULL, PRIMARY KEY (tbl, col)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_aliases (
    tbl TEXT NOT NULL, origin INTEGER NOT NULL, stamp INTEGER NOT NULL, place INTEGER NOT NULL,
    to_origin INTEGER NOT NULL, to_stamp INTEGER NOT NULL, to_place INTEGER NOT NULL, at BLOB NOT NULL,
    PRIMARY KEY (tbl, stamp, origin, place)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_seen (
    origin TEXT NOT NULL, other TEXT NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (origin, other)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_strays (
    number INTEGER PRIMARY KEY, origin TEXT NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, writer TEXT NOT NULL,
    stamp INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS _usync_journal (
    position INTEGER PRIMARY KEY AUTOINCREMENT, origin INTEGER, stamp INTEGER, prev INTEGER, chain TEXT,
    parts INTEGER NOT NULL, bytes INTEGER NOT NULL, time INTEGER NOT NULL, gap TEXT)`,
  `CREATE UNIQUE INDEX IF NOT EXISTS _usync_journal_name ON _usync_journal (origin, stamp) WHERE origin IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS _usync_journal_gaps ON _usync_journal (position) WHERE gap IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS _usync_points (
    origin INTEGER NOT NULL, stamp INTEGER NOT NULL, prev INTEGER NOT NULL, chain TEXT NOT NULL,
    PRIMARY KEY (origin, stamp)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS _usync_parts (
    origin INTEGER NOT NULL, stamp INTEGER NOT NULL, part INTEGER NOT NULL, last INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (origin, stamp, part))`,
  // The chunks of a snapshot that is landing.
  `CREATE TABLE IF NOT EXISTS _usync_snapshot (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS _usync_conflicts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, tbl TEXT NOT NULL, origin INTEGER NOT NULL,
    stamp INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, col TEXT, rule TEXT NOT NULL, note TEXT NOT NULL,
    kept BLOB NOT NULL, lost BLOB NOT NULL, rest BLOB, lost_origin TEXT NOT NULL, kept_origin TEXT,
    time INTEGER NOT NULL, noticed INTEGER NOT NULL)`,
  // Writes that came by name over the HTTP API, so that one that is sent again changes nothing.
  `CREATE TABLE IF NOT EXISTS _usync_received (name TEXT PRIMARY KEY, hash TEXT NOT NULL, time INTEGER NOT NULL)`,
  `CREATE INDEX IF NOT EXISTS _usync_received_time ON _usync_received (time)`,
];
