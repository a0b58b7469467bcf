import type { DatasetConfig } from '../../config/config.js';
import { errorCatalogue } from '../../core/error-catalogue.js';
import { SyncError, errorMessageOf } from '../../core/sync-error.js';
import { numbersByTrigger } from '../../databases/sqlite/capture/capture-triggers.js';
import { engineHolding } from '../../databases/sqlite/connection/engine-lock.js';
import { foreignSyncTraces } from '../../databases/sqlite/connection/foreign-sync-traces.js';
import { openDatabase, type OpenedDatabase } from '../../databases/sqlite/connection/open-database.js';
import { readSchema } from '../../databases/sqlite/schema/schema-reader.js';
import { hasSyncTables } from '../../databases/sqlite/stores/sync-tables.js';
import { unmatchedRules } from '../../databases/sqlite/schema/unmatched-rules.js';
import { waitingNotes } from '../../databases/sqlite/take-out.js';
import { adviceOn, keylessRows } from '../database-plan.js';
import { refuseUnusable } from '../../refuse-unusable.js';
import { countText, printable } from '../terminal.js';
import { fail, ok, warn, type Finding } from './finding.js';

/** One dataset: can it be opened, is every table captured, does another sync system work on it. Changes nothing. */
export function databaseChecks(dataset: DatasetConfig): Finding[] {
  const subject = `dataset ${printable(dataset.name)}`;
  const { sqlite, folder = '' } = dataset;
  let opened: OpenedDatabase;
  try {
    refuseUnusable(dataset);
    if (sqlite === undefined) return [ok(subject, `the folder ${printable(folder)} can be read and written`)];
    opened = openDatabase(sqlite, { isReadOnly: true });
  } catch (error) {
    return [fail(subject, printable(errorMessageOf(error)), error instanceof SyncError ? error.nextStep : '')];
  }
  try {
    return [
      journalCheck(subject, opened),
      ...notesCheck(subject, opened),
      ...tableChecks(subject, opened),
      ...ruleChecks(subject, opened, dataset),
      ...traceChecks(subject, opened),
    ];
  } finally {
    opened.connection.close();
  }
}

function journalCheck(subject: string, { journalMode, sqliteVersion }: OpenedDatabase): Finding {
  if (journalMode === 'wal') return ok(subject, `opens with SQLite ${sqliteVersion}, journal mode WAL`);
  return warn(
    subject,
    `journal mode ${journalMode}: readers and writers exclude each other, also while a new server takes a snapshot`,
    'Stop everything, run once: PRAGMA journal_mode = WAL. Applications that open it should use SQLite 3.51.3 or newer.',
  );
}

/** Triggers note each write until an engine captures it: without one the notes only grow. */
function notesCheck(subject: string, { connection, realPath }: OpenedDatabase): Finding[] {
  const notes = waitingNotes(connection);
  if (notes === null || notes === 0 || engineHolding(realPath) !== null) return [];
  return [
    warn(
      subject,
      `${countText(notes, 'write')} noted while no engine runs; the notes grow with each`,
      'Start "usync run" to send them; if this database is to be synced no more, see "usync uninstall".',
    ),
  ];
}

function tableChecks(subject: string, { connection }: OpenedDatabase): Finding[] {
  const { tables } = readSchema(connection);
  const synced = tables.filter(({ obstacle }) => obstacle === null);
  const findings = tables
    .filter(({ obstacle }) => obstacle !== null)
    .map(({ name, obstacle }) =>
      warn(
        subject,
        `table ${printable(name)} is not synced: ${printable(obstacle ?? '')}`,
        'Leave it out in the configuration (tables: NAME: exclude: true), or give it a usable key.',
      ),
    );
  for (const table of synced) {
    const rows = keylessRows(connection, table);
    if (rows === 0) continue;
    const { nextStep } = errorCatalogue['USYNC-1304'];
    findings.push(
      warn(subject, `${countText(rows, 'row')} of ${printable(table.name)} with NULL in the key: not synced`, nextStep),
    );
  }
  if (!hasSyncTables(connection))
    return [...findings, ok(subject, `${countText(synced.length, 'table')}, not captured yet`)];
  const captured = numbersByTrigger(connection);
  const bare = synced.filter(({ name }) => !captured.has(name)).map(({ name }) => printable(name));
  if (bare.length > 0)
    findings.push(
      warn(
        subject,
        `no triggers on ${bare.join(', ')}`,
        'Start "usync run": it puts them back and captures what was missed.',
      ),
    );
  else findings.push(ok(subject, `${countText(synced.length, 'table')} captured`));
  return findings;
}

function ruleChecks(subject: string, { connection }: OpenedDatabase, { tables: rules }: DatasetConfig): Finding[] {
  const { nextStep } = errorCatalogue['USYNC-1305'];
  return unmatchedRules(readSchema(connection).tables, rules).map((rule) =>
    warn(subject, `a rule does nothing: ${printable(adviceOn(rule))}`, nextStep),
  );
}

function traceChecks(subject: string, { connection }: OpenedDatabase): Finding[] {
  return foreignSyncTraces(connection).map(({ system, found, advice }) =>
    warn(
      subject,
      `traces of another sync system, ${system}: ${found.map((name) => printable(name)).join(', ')}`,
      advice,
    ),
  );
}
