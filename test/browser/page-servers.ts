/** Real servers with a database, a folder and a page each; an application writes with SQLite and the file system alone. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/cli/demo/demo-server.js';
import { openConnection, type Connection } from '../../src/databases/sqlite/connection/driver.js';
import { createWorkplace, waitUntil, type ServerProcess } from '../process/server-process.js';

export interface PageServer {
  readonly name: string;
  readonly process: ServerProcess;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The application's own connection. */
  readonly database: Connection;
  /** The folder that is synced. */
  readonly folder: string;
  /** The link for the first user that the server printed when it started. */
  setupLink(): Promise<string>;
}

export interface PageServers {
  add(name: string, settings?: Readonly<Record<string, unknown>>): Promise<PageServer>;
  clear(): Promise<void>;
}

const schema = `
CREATE TABLE team (number INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE score (id INTEGER PRIMARY KEY AUTOINCREMENT, team INTEGER REFERENCES team(number) ON DELETE CASCADE, points INTEGER);
`;

export function createPageServers(): PageServers {
  const workplace = createWorkplace();
  const servers: PageServer[] = [];
  return {
    async add(name, settings = {}) {
      const port = await freePort();
      const datasets = [
        { name: 'scouting', sqlite: 'scouting.db' },
        { name: 'photos', folder: 'photos' },
      ];
      const process = await workplace.addServer(name, datasets, { http: { port }, ...settings });
      const folder = join(process.folder, 'photos');
      mkdirSync(folder);
      const database = openConnection(join(process.folder, 'scouting.db'), { busyTimeoutMs: 30_000 });
      database.exec(`PRAGMA journal_mode = WAL; ${schema}`);
      await process.start();
      const server: PageServer = {
        ...{ name, process, database, folder },
        origin: `http://127.0.0.1:${port}`,
        async setupLink() {
          const pattern = /http:\S+\/sync\/setup#token=\S+/;
          await waitUntil(`${name} prints its link`, 60_000, () => Promise.resolve(pattern.test(process.log())));
          return pattern.exec(process.log())?.[0] ?? '';
        },
      };
      servers.push(server);
      return server;
    },
    async clear() {
      for (const { database } of servers) database.close();
      await workplace.clear();
    },
  };
}
