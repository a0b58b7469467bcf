import { createHash } from 'node:crypto';
import { SyncError } from '../../core/sync-error.js';
import type { Connection } from '../../databases/sqlite/connection/driver.js';
import { countText, durationText, type Terminal } from '../terminal.js';
import type { DemoServer } from './demo-server.js';
import { createAccountsDatabase, createScoutingDatabase } from './scouting-data.js';
import { accountsSchema, scoutingSchema } from './scouting-schema.js';
import { scout } from './scouting-work.js';
import { addPhoto, conflictCopies, createUploads, editPlan, hashTree, renameRobots } from './uploads.js';

const waitMs = 60_000;
const datasetCount = 3;

/** Tells the story on the terminal, each line when it has happened. Resolves with whether all servers ended equal. */
export async function tellDemo(terminal: Terminal, servers: readonly DemoServer[]): Promise<boolean> {
  const [pit, stands, judges] = servers;
  if (!pit || !stands || !judges) throw new SyncError('USYNC-1001', 'the demo needs three servers');
  const step = (text: string): void => terminal.print(`${terminal.paint('cyan', '>')} ${text}`);
  const outcome = (text: string): void => terminal.print(`  ${text}`);

  step('pit: an event-scouting application: 30 tables in two SQLite files, a folder of uploads. Universal Sync starts');
  createScoutingDatabase(pit.scouting);
  createAccountsDatabase(pit.accounts);
  createUploads(pit.uploads);
  await pit.start();
  outcome(
    `${countText(rowsOf(pit.scouting) + rowsOf(pit.accounts), 'row')}, ${countText(tableNames(pit.scouting).length + tableNames(pit.accounts).length, 'table')}, ${countText(hashTree(pit.uploads).files, 'file')}`,
  );
  outcome(`its dashboard: ${pit.pageUrl} (with --keep it stays open for you)`);

  step('stands and judges: the same application, newly installed, all empty; each joins with a code from pit');
  const joinedAt = Date.now();
  for (const server of [stands, judges]) await join(pit, server);
  await settle(servers);
  outcome(`both hold every row and file after ${durationText(Date.now() - joinedAt)}`);

  step('all three write at the same time');
  outcome(await writeEverywhere(servers, 40, 0));

  step('pit uploads a photo; then judges renames the folder of all photos');
  outcome(await changeFiles(servers, [pit, judges]));

  step('stands is cut off: its server is killed. All three go on writing, also the one cut off');
  await stands.kill();
  const offline = servers.map((server, at) => scout(server, 60, 1000 + at * 500).rows);
  editPlan(stands.uploads, 'stands: cameras at 9');
  editPlan(pit.uploads, 'pit: inspection at 10');
  await settle([pit, judges]);
  outcome(
    `${servers.map(({ name }, at) => `${name} ${countText(offline[at] ?? 0, 'row')}`).join(', ')}; pit and judges agree, stands knows nothing of it`,
  );
  outcome('plan.txt of the uploads is edited at pit, and otherwise at stands');
  outcome(`pit says: ${await headlineWhenWaiting(pit)}`);

  step('stands comes back');
  const backAt = Date.now();
  await stands.start();
  await settle(servers);
  outcome(
    `caught up after ${durationText(Date.now() - backAt)}, both ways; rows that had taken the same number both stand`,
  );
  outcome(`both edits of the plan stand: plan.txt, ${conflictCopies(pit.uploads).join(', ')}`);

  return tellProof(terminal, servers, pit);
}

/** What the server says when it has noticed that one is missing and holds the proof with the others. */
async function headlineWhenWaiting(server: DemoServer): Promise<string> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const { state, headline } = await server.control().call('status', {});
    if (state === 'waiting' || Date.now() > deadline) return headline;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function join(inviter: DemoServer, server: DemoServer): Promise<void> {
  server.scouting.exec(scoutingSchema);
  server.accounts.exec(accountsSchema);
  await server.start();
  const { code } = await inviter.control().call('invite', {});
  await server.control().call('join', { code });
}

async function changeFiles(
  servers: readonly DemoServer[],
  [first, second]: readonly [DemoServer, DemoServer],
): Promise<string> {
  const startedAt = Date.now();
  addPhoto(first.uploads);
  await untilTreesAreEqual(servers);
  const addedAt = Date.now();
  renameRobots(second.uploads);
  await untilTreesAreEqual(servers);
  const renamedAt = Date.now();
  await settle(servers);
  return `the photo is everywhere after ${durationText(addedAt - startedAt)}, the new name after ${durationText(renamedAt - addedAt)}`;
}

function areTreesEqual(servers: readonly DemoServer[]): boolean {
  try {
    return new Set(servers.map(({ uploads }) => hashTree(uploads).hash)).size === 1;
  } catch {
    // A file was renamed between the list and the look: not yet.
    return false;
  }
}

async function untilTreesAreEqual(servers: readonly DemoServer[]): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!areTreesEqual(servers)) {
    if (Date.now() > deadline) throw new SyncError('USYNC-1501', 'the folders did not become equal');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until every given server holds the proof that it equals every other one it can reach. */
async function settle(servers: readonly DemoServer[]): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    const reports = await Promise.all(servers.map((server) => server.control().call('verify', {})));
    const names = new Set(servers.map(({ name }) => name));
    const between = reports.flatMap((report) => report.comparisons.filter(({ peer }) => names.has(peer)));
    const expected = servers.length * (servers.length - 1) * datasetCount;
    const isProven = between.length >= expected && between.every(({ result }) => result === 'equal');
    if (isProven && areTreesEqual(servers)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const headlines = await Promise.all(
    servers.map(async (server) => `${server.name}: ${(await server.control().call('status', {})).headline}`),
  );
  throw new SyncError(
    'USYNC-1501',
    `the servers did not come to rest within ${durationText(waitMs)}: ${headlines.join('; ')}`,
  );
}

async function writeEverywhere(servers: readonly DemoServer[], entries: number, firstSeed: number): Promise<string> {
  const startedAt = Date.now();
  let rows = 0;
  for (let at = 0; at < entries; at++) {
    for (const [which, server] of servers.entries()) rows += scout(server, 1, firstSeed + which * 100 + at).rows;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const writtenAt = Date.now();
  await settle(servers);
  return `${countText(rows, 'row')} in ${durationText(writtenAt - startedAt)}; everywhere ${durationText(Date.now() - writtenAt)} after the last write`;
}

async function tellProof(terminal: Terminal, servers: readonly DemoServer[], first: DemoServer): Promise<boolean> {
  terminal.print(`${terminal.paint('cyan', '>')} the proof, twice`);
  const report = await first.control().call('verify', {});
  terminal.print(
    `  digests: ${report.comparisons.map(({ dataset, peer, result }) => `${dataset} with ${peer} ${result}`).join(', ')}`,
  );
  const hashes = servers.map(({ scouting, accounts }) => contentHash(scouting, accounts));
  const trees = servers.map(({ uploads }) => hashTree(uploads));
  for (const [at, { name }] of servers.entries())
    terminal.print(`  ${name.padEnd(7)} every table read with plain SQL: sha256 ${hashes[at]?.slice(0, 32) ?? ''}`);
  for (const [at, { name }] of servers.entries())
    terminal.print(
      `  ${name.padEnd(7)} ${countText(trees[at]?.files ?? 0, 'file')} read from disk: sha256 ${trees[at]?.hash.slice(0, 32) ?? ''}`,
    );
  const isEqual = report.isEqual && new Set(hashes).size === 1 && new Set(trees.map(({ hash }) => hash)).size === 1;
  terminal.print(
    isEqual ? terminal.paint('green', '  All three hold the same data.') : terminal.paint('red', '  They differ.'),
  );
  terminal.result({ isEqual, hashes, trees });
  return isEqual;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const tableNames = (database: Connection): string[] =>
  database
    .prepare(
      String.raw`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_usync\_%' ESCAPE '\' ORDER BY name`,
    )
    .all()
    .map(([name]) => String(name));

const rowsOf = (database: Connection): number =>
  tableNames(database).reduce(
    (sum, name) => sum + Number(database.prepare(`SELECT count(*) FROM ${quote(name)}`).get()?.[0] ?? 0),
    0,
  );

/** SHA-256 over every value of every row, as SQLite quotes it: no code of the sync engine takes part. */
function contentHash(...databases: readonly Connection[]): string {
  const hash = createHash('sha256');
  for (const database of databases)
    for (const name of tableNames(database)) {
      const columns = database
        .prepare(`PRAGMA table_info(${quote(name)})`)
        .all()
        .map((row) => `quote(${quote(String(row[1]))})`);
      const rows = database.prepare(`SELECT ${columns.join(" || ',' || ")} FROM ${quote(name)} ORDER BY 1`).all();
      hash.update(`${name}\n${rows.map(([line]) => String(line)).join('\n')}\n`);
    }
  return hash.digest('hex');
}
