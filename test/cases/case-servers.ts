/** Servers for small scenes: real replicas over real files, which programs that are not ours write. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChangeBlock } from '../../src/core/changeset.js';
import { decodePart } from '../../src/core/changeset-decoder.js';
import type { Epoch, ServerId } from '../../src/core/origin.js';
import { isEqualVector, type VersionVector } from '../../src/core/version-vector.js';
import type { Replica } from '../../src/databases/replica.js';
import { openConnection, type Connection, type PlainValue } from '../../src/databases/sqlite/connection/driver.js';
import { createSqliteReplica, type SqliteReplicaOptions } from '../../src/databases/sqlite/sqlite-replica.js';
import { meet as meetDrained, type ForkServer } from '../../src/databases/sqlite/testing/fork-scene.js';
import { foreignWriters } from '../../src/databases/sqlite/testing/foreign-writer.js';
import { decompressBytes } from '../../src/system/compression.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { problemsOf } from '../process/table-dump.js';

export type Rules = NonNullable<SqliteReplicaOptions['tables']>;

export interface CaseServer extends ForkServer {
  readonly name: string;
  readonly path: string;
  /** Another connection of this process, as an application that keeps one. */
  readonly app: Connection;
  /** Runs a script in the `sqlite3` shell; what its queries answered, one row a line, cells split by `|`. */
  readonly shell: (sql: string) => string;
  /** The same by Python's `sqlite3` module. */
  readonly python: (sql: string) => string;
  /** What a query answers to the application's connection, one row a line. */
  ask(sql: string): string;
  /** What this server captured itself since it was at `since`, oldest first: `update 2 t(a,b)`. Captures first. */
  captured(since: VersionVector): Promise<string[]>;
  vector(): Promise<VersionVector>;
}

const system = createRealSystem();
const epoch = '00000001' as Epoch;

export interface CaseOptions {
  readonly schema: string;
  /** One letter each; the first founds, the others join it before the work begins. */
  readonly servers?: string;
  readonly rules?: Rules;
  /** Schema of single servers, where it is not that of all. */
  readonly schemaOf?: Readonly<Record<string, string>>;
  /** Rules of single servers, where they are not those of all. */
  readonly rulesOf?: Readonly<Record<string, Rules>>;
  /** Servers where changes of the schema are made and told of. */
  readonly propagates?: string;
  /** How far the clock of a server is ahead, asked anew each time. */
  readonly clockAheadMs?: (name: string) => number;
  /** False: the others stay strangers until the work lets them meet. */
  readonly joins?: boolean;
}

/** Opens the servers, runs the work on them, and removes everything. */
export async function withServers(
  options: CaseOptions,
  work: (a: CaseServer, b: CaseServer, c: CaseServer) => Promise<void>,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'usync-case-'));
  const servers: CaseServer[] = [];
  try {
    for (const name of options.servers ?? 'ab') servers.push(await openServer(join(root, `${name}.db`), name, options));
    if (options.joins !== false) {
      await servers[0]?.replica.drain();
      await exchange(servers);
    }
    const [a, b = a, c = b] = servers;
    if (!a || !b || !c) throw new Error('a case needs a server');
    await work(a, b, c);
  } finally {
    for (const { replica, app } of servers) {
      await replica.close();
      app.close();
    }
    rmSync(root, { recursive: true, force: true });
  }
}

export async function openServer(path: string, name: string, options: CaseOptions): Promise<CaseServer> {
  const app = openConnection(path, { busyTimeoutMs: 5000 });
  app.exec('PRAGMA journal_mode = WAL');
  app.exec(options.schemaOf?.[name] ?? options.schema);
  const replica = createSqliteReplica({
    path,
    dataset: 'case',
    system: { ...system, nowMs: () => system.nowMs() + (options.clockAheadMs?.(name) ?? 0) },
    observe: () => {},
    identity: { server: name.repeat(16) as ServerId, serverName: name, freshEpoch: () => epoch },
    tables: options.rulesOf?.[name] ?? options.rules ?? {},
    propagatesSchema: options.propagates?.includes(name) === true,
  });
  await replica.open();
  return caseServer({ name, path, app, replica });
}

function caseServer(parts: Pick<CaseServer, 'name' | 'path' | 'app' | 'replica'>): CaseServer {
  const { path, app, replica } = parts;
  const server: CaseServer = {
    ...parts,
    shell: (sql) =>
      execFileSync('sqlite3', ['-batch', '-bail', path], { input: sql, encoding: 'utf8', stdio: 'pipe' }).trimEnd(),
    python: (sql) => pythonWriter().run(path, sql).trimEnd(),
    ask: (sql) =>
      app
        .prepare(sql)
        .all()
        .map((row) => row.map(textOf).join('|'))
        .join('\n'),
    async write(sql) {
      app.exec(sql);
      await replica.drain();
    },
    vector: async () => (await replica.position()).vector,
    async captured(since) {
      await drainAll(replica);
      const { origin } = await replica.position();
      const { parts: read } = await replica.readJournal({ vector: since, after: 0, bytesMax: 1e9 });
      return read
        .filter((part) => part.origin === origin)
        .flatMap(({ bytes }) => decodePart(bytes, { decompress: decompressBytes }).blocks)
        .map(summaryOf);
    },
    dump: () => dumpOf(server),
  };
  return server;
}

function pythonWriter(): ReturnType<typeof foreignWriters>[number] {
  const found = foreignWriters().find(({ name }) => name === 'python3');
  if (!found) throw new Error('python3 with its sqlite3 module is needed');
  return found;
}

function textOf(value: PlainValue): string {
  if (value === null) return 'NULL';
  return value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex')}'` : String(value);
}

function summaryOf(block: ChangeBlock): string {
  const columns = 'columns' in block ? `(${block.columns.join()})` : '';
  return `${block.kind} ${block.count} ${block.table}${columns}`;
}

async function drainAll(replica: Replica): Promise<void> {
  while ((await replica.drain()).hasMore);
}

/** Every row of every synced table, exactly, sorted. */
async function dumpOf({ app, replica }: CaseServer): Promise<string> {
  const lines: string[] = [];
  for (const { name, isSynced } of await replica.tables()) {
    if (!isSynced) continue;
    const columns = app.prepare('SELECT name FROM pragma_table_xinfo(?) ORDER BY name').all(name);
    const line = columns.map(([column]) => `quote("${String(column)}")`).join(" || ' | ' || ");
    for (const [text] of app.prepare(`SELECT ${line} FROM "${name}"`).all()) lines.push(`${name}: ${String(text)}`);
  }
  return lines.toSorted().join('\n');
}

/** Everybody takes from everybody until all vectors are equal. */
export async function exchange(servers: readonly CaseServer[]): Promise<void> {
  for (const { replica } of servers) await drainAll(replica);
  for (let round = 0; round < 6; round++) {
    for (const [i, a] of servers.entries()) for (const b of servers.slice(i + 1)) await meetDrained(a, b);
    const [first, ...others] = await Promise.all(servers.map((server) => server.vector()));
    if (first && others.every((vector) => isEqualVector(first, vector))) return;
  }
  throw new Error('the exchange does not come to rest');
}

export interface SameOptions {
  /** The application itself left references that lead nowhere. */
  readonly mayDangle?: boolean;
}

/**
 * The pass criterion of every case (H49): after quiescence equal vectors, digests that are equal and those of the content,
 * the same rows, databases that SQLite finds sound, and nothing that echoes. Returns the rows.
 */
export async function assertSame(servers: readonly CaseServer[], options: SameOptions = {}): Promise<string> {
  await exchange(servers);
  const [first] = servers;
  if (!first) return '';
  const [dump, proof] = [await first.dump(), await first.replica.proof()];
  for (const server of servers) {
    assert.equal(await server.dump(), dump, `${server.name} shows what ${first.name} shows`);
    const { digest } = await server.replica.proof();
    assert.deepEqual(digestOf(digest), digestOf(proof.digest), `${server.name} has the digests of ${first.name}`);
    const problems = problemsOf(server.path).filter((line) => !(options.mayDangle && line.startsWith('dangling')));
    assert.deepEqual(problems, [], `${server.name} is sound`);
  }
  await assertSettled(servers);
  return dump;
}

const digestOf = (digest: Awaited<ReturnType<Replica['proof']>>['digest']): unknown =>
  [...digest].filter(([, { rows }]) => rows > 0).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** The content is what the digests say, and a merge is not captured as a change of one's own. */
export async function assertSettled(servers: readonly CaseServer[]): Promise<void> {
  for (const server of servers) {
    const before = await server.vector();
    const { tables } = await server.replica.audit();
    assert.deepEqual(
      tables.filter(({ differing }) => differing > 0),
      [],
      `${server.name} holds what its digests say`,
    );
    assert.equal((await server.replica.drain()).changesets, 0, `nothing echoes at ${server.name}`);
    assert.ok(isEqualVector(before, await server.vector()), `${server.name} is at rest`);
  }
}

/** So that what comes next has a later time than what was before. */
export const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 4));

/** Values that lost, from the log of conflicts. */
export const lostValues = async ({ replica }: CaseServer): Promise<string[]> =>
  (await replica.conflicts({ max: 1000 })).map(({ lost }) => lost).toSorted();

/** Two servers capture, and take what the other has. */
export async function meet(a: CaseServer, b: CaseServer): Promise<void> {
  for (const { replica } of [a, b]) await drainAll(replica);
  await meetDrained(a, b);
}

/** The work, then the end of a server that was opened beside those of `withServers`. */
export async function closing(server: CaseServer, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await server.replica.close();
    server.app.close();
  }
}
