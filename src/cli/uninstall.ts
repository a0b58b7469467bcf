import type { Config } from '../config/config.js';
import { takeEngineLock, type EngineLock } from '../databases/sqlite/connection/engine-lock.js';
import { openDatabase, type OpenedDatabase } from '../databases/sqlite/connection/open-database.js';
import { ownParts, takeOut, type OwnParts } from '../databases/sqlite/take-out.js';
import { createRealSystem } from '../system/real-system.js';

interface Uninstalled {
  readonly dataset: string;
  readonly parts: OwnParts;
}

interface Opened extends Uninstalled {
  readonly database: OpenedDatabase;
  lock: EngineLock | null;
}

/** How long the application's own transactions are waited for. */
const busyTimeoutMs = 15_000;

/**
 * Tells, and with `isDone` takes out, what Universal Sync has in the databases of a configuration. Throws `USYNC-1206`
 * while an engine works on one of them: then all stay as they are.
 */
export function uninstall({ name, dataFolder, datasets }: Config, isDone: boolean): Uninstalled[] {
  const system = createRealSystem();
  const opened: Opened[] = [];
  try {
    for (const { name: dataset, sqlite } of datasets) {
      if (sqlite === undefined) continue;
      const database = openDatabase(sqlite);
      const entry: Opened = { dataset, database, parts: ownParts(database.connection), lock: null };
      opened.push(entry);
      // Where nothing is, nobody works, and no lock file is to be left.
      if (entry.parts.tables + entry.parts.triggers === 0) continue;
      database.connection.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      entry.lock = takeEngineLock({ realPath: database.realPath, server: name, dataFolder, system });
    }
    if (isDone) for (const { database, lock } of opened) if (lock !== null) takeOut(database.connection);
    return opened.map(({ dataset, parts }) => ({ dataset, parts }));
  } finally {
    for (const { database, lock } of opened) {
      database.connection.close();
      lock?.release();
    }
  }
}
