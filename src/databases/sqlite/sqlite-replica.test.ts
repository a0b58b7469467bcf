/** The SQLite replica against the contract of replicas: real files, an application's connection of its own. */
import { temporaryFolder } from './temporary-folder.js';
import type { Epoch, ServerId } from '../../core/origin.js';
import { createRealSystem } from '../../system/real-system.js';
import { describeReplica } from '../replica.acceptance.js';
import { openConnection } from './driver.js';

import { createSqliteReplica } from './sqlite-replica.js';

let epochs = 1;

describeReplica('SQLite', {
  schema: `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount REAL, place TEXT);
    CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT)`,
  laterTable: 'CREATE TABLE later (id INTEGER PRIMARY KEY, name TEXT)',
  createSite(name) {
    const folder = temporaryFolder();
    const path = folder.path('app.db');
    const app = openConnection(path, { busyTimeoutMs: 5000 });
    app.exec('PRAGMA journal_mode = WAL');
    const replica = createSqliteReplica({
      path,
      dataset: 'shop',
      identity: {
        server: name.repeat(16) as ServerId,
        serverName: name,
        freshEpoch: () => String(epochs++).padStart(8, '0') as Epoch,
      },
      system: createRealSystem(),
      observe: () => {},
    });
    return Promise.resolve({
      replica,
      execute: (sql) => app.exec(sql),
      dump: (table) =>
        app
          .prepare(`SELECT * FROM ${table}`)
          .allExact()
          .map((row) => row.map(String).join('|'))
          .toSorted(),
      async close() {
        await replica.close();
        app.close();
        folder[Symbol.dispose]();
      },
    });
  },
});
