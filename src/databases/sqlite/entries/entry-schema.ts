/** The tables of this server alone; the replica leaves them out. */
export const localEntryTables: readonly string[] = [
  'pending',
  'disk',
  'intended',
  'contents',
  'chunks',
  'history',
  'conflicts',
  'local',
  'writing',
];

/** Triggers note whose rows changed, whoever writes them. */
export const entrySchema = `
CREATE TABLE IF NOT EXISTS entries (
  path TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL, mode INTEGER NOT NULL, mtime INTEGER NOT NULL,
  base TEXT, author TEXT NOT NULL, time INTEGER NOT NULL, copy_of TEXT, mode_age INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (path, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_copies ON entries (copy_of) WHERE copy_of IS NOT NULL;
CREATE TABLE IF NOT EXISTS pending (sequence INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS writing (is_unmarked INTEGER NOT NULL);
INSERT INTO writing SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM writing);
${['INSERT', 'UPDATE', 'DELETE'].map(pendingTrigger).join('')}
CREATE TABLE IF NOT EXISTS disk (
  folder TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL, mode INTEGER NOT NULL,
  mtime INTEGER NOT NULL, mark TEXT NOT NULL, is_kept INTEGER NOT NULL, mode_age INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS disk_versions ON disk (version);
CREATE TABLE IF NOT EXISTS intended (path TEXT NOT NULL PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE, list BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (
  prefix INTEGER NOT NULL, content INTEGER NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (prefix, content, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chunks_contents ON chunks (content);
CREATE TABLE IF NOT EXISTS history (
  id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL,
  mode INTEGER NOT NULL, mtime INTEGER NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS history_paths ON history (path);
CREATE INDEX IF NOT EXISTS history_versions ON history (version);
CREATE TABLE IF NOT EXISTS conflicts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, version TEXT NOT NULL, copy_of TEXT NOT NULL,
  author TEXT NOT NULL, time INTEGER NOT NULL, noticed INTEGER NOT NULL, settled INTEGER, UNIQUE (path, version)
);
INSERT INTO conflicts (path, version, copy_of, author, time, noticed)
  SELECT path, version, copy_of, author, time, time FROM entries
  WHERE copy_of IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM conflicts WHERE conflicts.path = entries.path AND conflicts.version = entries.version
  );
${conflictTriggers()}
CREATE TABLE IF NOT EXISTS local (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** No conflict clause: inside a trigger that of the statement outside would hold. */
function pendingTrigger(operation: string): string {
  const path = operation === 'DELETE' ? 'OLD.path' : 'NEW.path';
  return `
CREATE TRIGGER IF NOT EXISTS entries_pending_${operation.toLowerCase()} AFTER ${operation} ON entries
WHEN (SELECT is_unmarked FROM writing) = 0
BEGIN
  DELETE FROM pending WHERE path = ${path};
  INSERT INTO pending (path) VALUES (${path});
END;`;
}

/** A conflict is open while its copy stands, however it came and whoever takes it away. */
function conflictTriggers(): string {
  const nowMs = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
  const begins = `
  UPDATE conflicts SET settled = NULL WHERE path = NEW.path AND version = NEW.version;
  INSERT INTO conflicts (path, version, copy_of, author, time, noticed)
    SELECT NEW.path, NEW.version, NEW.copy_of, NEW.author, NEW.time, ${nowMs}
    WHERE NOT EXISTS (SELECT 1 FROM conflicts WHERE path = NEW.path AND version = NEW.version);`;
  return `
CREATE TRIGGER IF NOT EXISTS entries_conflict_begins AFTER INSERT ON entries WHEN NEW.copy_of IS NOT NULL
BEGIN${begins}
END;
CREATE TRIGGER IF NOT EXISTS entries_conflict_is_known AFTER UPDATE OF copy_of ON entries
WHEN NEW.copy_of IS NOT NULL AND OLD.copy_of IS NULL
BEGIN${begins}
END;
CREATE TRIGGER IF NOT EXISTS entries_conflict_ends AFTER DELETE ON entries WHEN OLD.copy_of IS NOT NULL
BEGIN
  UPDATE conflicts SET settled = ${nowMs} WHERE path = OLD.path AND version = OLD.version;
END;`;
}
