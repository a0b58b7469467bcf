import { isServerId, type ServerId } from '../../core/origin.js';
import type { ListedDecision, ListedServer, ServerChanges, ServerList } from '../server-list.js';
import { openConnection, type Connection, type PlainRow } from './connection/driver.js';

/**
 * The list of servers in a SQLite file, which is made when it is missing. Rows that a peer wrote are read with care:
 * what is not a server is left out, never thrown.
 */
export function openSqliteServerList(path: string, { decisionsMax = 100_000 } = {}): ServerList {
  // The list is tiny and its writers are this process alone, so that a lock is held for a moment at most.
  const connection = openConnection(path, { busyTimeoutMs: 10_000 });
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  connection.exec(schema);
  let put = 0;
  return {
    read: () =>
      connection
        .cached(`SELECT ${columns.join(', ')} FROM servers ORDER BY name, id`)
        .all()
        .flatMap((row) => serverOf(row) ?? []),
    add: (server) => add(connection, server),
    change: (id, changes) => change(connection, id, changes),
    readDecisions: () =>
      connection
        .cached('SELECT dataset, id, kind, why, server, at FROM decisions ORDER BY at, id')
        .all()
        .flatMap((row) => decisionOf(row) ?? []),
    putDecision: (decision) => {
      putDecision(connection, decision);
      // Now and then: each that is forgotten is a change that travels.
      if (put++ % Math.ceil(decisionsMax / 100) === 0) forgetDecisions(connection, decisionsMax);
    },
    close: () => connection.close(),
  };
}

const columnByField: Readonly<Record<keyof ListedServer, string>> = {
  id: 'id',
  name: 'name',
  fingerprint: 'fingerprint',
  addresses: 'addresses',
  datasets: 'datasets',
  state: 'state',
  addedBy: 'added_by',
  addedAtMs: 'added_at',
  removedBy: 'removed_by',
  removedAtMs: 'removed_at',
};
const columns = Object.values(columnByField);

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
`;

function add(connection: Connection, server: ListedServer): void {
  const fields = Object.keys(columnByField) as (keyof ListedServer)[];
  connection
    .cached(
      `INSERT INTO servers (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (id) DO NOTHING`,
    )
    .run(...fields.map((field) => storedOf(server[field])));
}

function change(connection: Connection, id: ServerId, changes: ServerChanges): void {
  const fields = Object.keys(changes) as (keyof ServerChanges)[];
  const values = fields.map((field) => storedOf(changes[field]));
  const sets = fields.map((field) => `${columnByField[field]} = ?`).join(', ');
  const differ = fields.map((field) => `${columnByField[field]} IS NOT ?`).join(' OR ');
  if (fields.length === 0) return;
  connection.cached(`UPDATE servers SET ${sets} WHERE id = ? AND (${differ})`).run(...values, id, ...values);
}

function storedOf(value: ListedServer[keyof ListedServer] | undefined): string | bigint | null {
  if (typeof value === 'number') return BigInt(Math.trunc(value));
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function putDecision(connection: Connection, { dataset, id, kind, why, by, atMs }: ListedDecision): void {
  connection
    .cached(
      `INSERT INTO decisions (dataset, id, kind, why, server, at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (dataset, id) DO UPDATE SET kind = excluded.kind, why = excluded.why, server = excluded.server, at = excluded.at`,
    )
    .run(dataset, id, kind, why, by, BigInt(Math.trunc(atMs)));
}

/** A log of conflicts holds no more records than that, so what is older is decided about nothing. */
function forgetDecisions(connection: Connection, max: number): void {
  connection
    .cached(
      `DELETE FROM decisions WHERE (dataset, id) IN
         (SELECT dataset, id FROM decisions ORDER BY at DESC, id LIMIT -1 OFFSET ?)`,
    )
    .run(BigInt(max));
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
