import { isServerId } from '../../core/origin.js';
import type { ListedDecision, ListedServer, ServerList } from '../server-list.js';
import { openConnection, type Connection, type PlainRow } from './connection/driver.js';

/**
 * The list of servers in a SQLite file, which is made when it is missing. Rows that a peer wrote are read with care:
 * what is not a server is left out, never thrown.
 */
export function openSqliteServerList(path: string): ServerList {
  // The list is tiny and its writers are this process alone, so that a lock is held for a moment at most.
  const connection = openConnection(path, { busyTimeoutMs: 10_000 });
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  connection.exec(schema);
  return {
    read: () =>
      connection
        .cached(`SELECT ${columns.join(', ')} FROM servers ORDER BY name, id`)
        .all()
        .flatMap((row) => serverOf(row) ?? []),
    put: (server) => put(connection, server),
    readDecisions: () =>
      connection
        .cached('SELECT dataset, id, kind, why, server, at FROM decisions ORDER BY at, id')
        .all()
        .flatMap((row) => decisionOf(row) ?? []),
    putDecision: (decision) => putDecision(connection, decision),
    readShared: (name) => {
      const row = connection.cached('SELECT value FROM shared WHERE name = ?').get(name);
      return typeof row?.[0] === 'string' ? row[0] : null;
    },
    putShared: (name, value) => {
      connection
        .cached(
          'INSERT INTO shared (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value',
        )
        .run(name, value);
    },
    close: () => connection.close(),
  };
}

const columns = [
  'id',
  'name',
  'fingerprint',
  'addresses',
  'datasets',
  'state',
  'added_by',
  'added_at',
  'removed_by',
  'removed_at',
];

/** Each field is a column of its own, so that two servers that change different fields of one row both get through. */
const schema = `
CREATE TABLE IF NOT EXISTS servers (
  id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL, addresses TEXT NOT NULL,
  datasets TEXT NOT NULL, state TEXT NOT NULL, added_by TEXT NOT NULL, added_at INTEGER NOT NULL,
  removed_by TEXT, removed_at INTEGER
);
CREATE TABLE IF NOT EXISTS decisions (
  dataset TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, why TEXT NOT NULL, server TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (dataset, id)
);
CREATE TABLE IF NOT EXISTS shared (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
`;

function put(connection: Connection, server: ListedServer): void {
  const others = columns.slice(1);
  const sets = others.map((column) => `${column} = excluded.${column}`).join(', ');
  const changes = others.map((column) => `servers.${column} IS NOT excluded.${column}`).join(' OR ');
  connection
    .cached(
      `INSERT INTO servers (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (id) DO UPDATE SET ${sets} WHERE ${changes}`,
    )
    .run(
      server.id,
      server.name,
      server.fingerprint,
      JSON.stringify(server.addresses),
      JSON.stringify(server.datasets),
      server.state,
      server.addedBy,
      BigInt(Math.trunc(server.addedAtMs)),
      server.removedBy,
      server.removedAtMs === null ? null : BigInt(Math.trunc(server.removedAtMs)),
    );
}

function putDecision(connection: Connection, { dataset, id, kind, why, by, atMs }: ListedDecision): void {
  connection
    .cached(
      `INSERT INTO decisions (dataset, id, kind, why, server, at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (dataset, id) DO UPDATE SET kind = excluded.kind, why = excluded.why, server = excluded.server, at = excluded.at`,
    )
    .run(dataset, id, kind, why, by, BigInt(Math.trunc(atMs)));
}

const decisionKinds = ['restored', 'dismissed', 'wanted', 'refused'] as const;

function decisionOf([dataset, id, kindText, why, by, at]: PlainRow): ListedDecision | null {
  const kind = decisionKinds.find((each) => each === kindText);
  if (typeof dataset !== 'string' || typeof id !== 'string' || kind === undefined) return null;
  if (typeof by !== 'string' || !isServerId(by) || typeof at !== 'bigint') return null;
  return { dataset, id, kind, why: typeof why === 'string' ? why : '', by, atMs: Number(at) };
}

function serverOf(row: PlainRow): ListedServer | null {
  const [id, name, fingerprint, addresses, datasets, state, addedBy, addedAt, removedBy, removedAt] = row;
  if (typeof id !== 'string' || !isServerId(id) || typeof fingerprint !== 'string') return null;
  const isRemoved = typeof removedAt === 'bigint' || state === 'removed';
  return {
    id,
    name: typeof name === 'string' && name !== '' ? name : id,
    fingerprint,
    addresses: textsOf(addresses),
    datasets: textsOf(datasets),
    state: isRemoved ? 'removed' : state === 'member' ? 'member' : 'pending',
    addedBy: typeof addedBy === 'string' && isServerId(addedBy) ? addedBy : id,
    addedAtMs: Number(addedAt ?? 0),
    removedBy: typeof removedBy === 'string' && isServerId(removedBy) ? removedBy : null,
    removedAtMs: typeof removedAt === 'bigint' ? Number(removedAt) : null,
  };
}

function textsOf(value: unknown): readonly string[] {
  const parsed = parsedOf(value);
  return Array.isArray(parsed) ? parsed.filter((item) => typeof item === 'string') : [];
}

function parsedOf(value: unknown): unknown {
  if (typeof value !== 'string') return null;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}
