// Two servers of one application in one process: each writes to its own database, both end with the same rows.
// Run it with: npm run build && node build/examples/library.js
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openConnection } from '../src/databases/sqlite/connection/driver.js';
// In your own application: import { createSync } from 'universal-sync';
import { createSync } from '../src/library.js';

const folder = mkdtempSync(join(tmpdir(), 'usync-example-'));

// The application's database, opened as the application always does. Any SQLite library will do.
function openShop(server: string) {
  const database = openConnection(join(folder, `${server}.db`), { busyTimeoutMs: 5_000 });
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, price INTEGER)');
  return database;
}

const syncOf = (server: string) =>
  createSync({
    name: server,
    dataFolder: join(folder, `${server}-data`),
    listen: { host: '127.0.0.1', port: 0 },
    datasets: [{ name: 'shop', sqlite: join(folder, `${server}.db`) }],
  });

const [north, south] = [openShop('north'), openShop('south')];
north.exec("INSERT INTO item (name, price) VALUES ('bread', 3)");

const northSync = syncOf('north');
const southSync = syncOf('south');
try {
  await northSync.start();
  await southSync.start();
  const { code } = await northSync.invite();
  await southSync.join({ code });

  south.exec("INSERT INTO item (name, price) VALUES ('milk', 2)");
  north.exec("UPDATE item SET price = 4 WHERE name = 'bread'");

  await southSync.waitUntilInSync({ timeoutMs: 30_000 });
  const status = await northSync.waitUntilInSync({ timeoutMs: 30_000 });
  console.log(status.headline);
  for (const [server, database] of Object.entries({ north, south })) {
    const rows = database.prepare('SELECT name, price FROM item ORDER BY name').all();
    console.log(`${server}: ${rows.map(([name, price]) => `${String(name)} ${String(price)}`).join(', ')}`);
  }
} finally {
  await southSync.stop('the example is over');
  await northSync.stop('the example is over');
  north.close();
  south.close();
  rmSync(folder, { recursive: true });
}
