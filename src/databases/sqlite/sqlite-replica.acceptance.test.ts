// Goal: the SQLite replica keeps the contract, in the thread of its caller and in a worker.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Epoch, ServerId } from '../../core/origin.js';
import { createRealSystem } from '../../system/real-system.js';
import type { Replica } from '../replica.js';
import { describeDecisions } from '../decisions.acceptance.js';
import { describeReplica, type ReplicaHarness } from '../replica.acceptance.js';
import { openConnection } from './connection/driver.js';
import { createSqliteReplica } from './sqlite-replica.js';
import { createWorkerReplica } from './worker/worker-replica.js';

interface Site {
  readonly path: string;
  readonly server: ServerId;
  readonly name: string;
}

const system = createRealSystem();
const observe = (): void => undefined;

const inThread = ({ path, server, name }: Site): Replica =>
  createSqliteReplica({
    path,
    dataset: 'shop',
    system,
    observe,
    identity: {
      server,
      serverName: name,
      freshEpoch: () => Buffer.from(system.randomBytes(4)).toString('hex') as Epoch,
    },
  });

const inWorker = ({ path, server, name }: Site): Replica =>
  createWorkerReplica({ path, dataset: 'shop', observe, identity: { server, serverName: name } });

function harnessOf(createReplica: (site: Site) => Replica, journalMode: string): ReplicaHarness {
  return {
    schema: `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount REAL, place TEXT);
             CREATE TABLE tags (tag TEXT PRIMARY KEY, colour TEXT);`,
    laterTable: 'CREATE TABLE later (id INTEGER PRIMARY KEY, name TEXT)',
    async createSite(name) {
      const folder = mkdtempSync(join(tmpdir(), 'usync-contract-'));
      const path = join(folder, 'shop.db');
      const application = openConnection(path, { busyTimeoutMs: 10_000 });
      application.exec(`PRAGMA journal_mode = ${journalMode}`);
      const server = name.repeat(16).slice(0, 16) as ServerId;
      const replica = createReplica({ path, server, name });
      return {
        replica,
        server,
        execute: (sql) => application.exec(sql),
        dump(table) {
          const columns = application.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
          const line = columns.map(([column]) => `quote("${String(column)}")`).join(" || ',' || ");
          const rows = application.prepare(`SELECT ${line} FROM "${table}" ORDER BY 1`).all();
          return rows.map(([text]) => String(text));
        },
        async close() {
          await replica.close();
          application.close();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

describeReplica('SQLite, WAL', harnessOf(inThread, 'WAL'));
describeReplica('SQLite, rollback journal', harnessOf(inThread, 'DELETE'));
describeReplica('SQLite in a worker', harnessOf(inWorker, 'WAL'));
describeDecisions('SQLite, rollback journal', harnessOf(inThread, 'DELETE'));
describeDecisions('SQLite in a worker', harnessOf(inWorker, 'WAL'));
