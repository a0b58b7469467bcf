/** The tables of this server alone; the replica leaves them out. */
export const localEntryTables: readonly string[] = [
  'pending',
  'disk',
  'intended',
  'contents',
  'chunks',
  'history',
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
