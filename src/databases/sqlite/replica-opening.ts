import { genesisOrigin, originIdOf, serverIdOfOrigin } from '../../core/origin.js';
import type { Notice, OpeningOptions } from '../replica.js';
import { compareAll, mustCompareAll } from './capture/capture-everything.js';
import { testCapture } from './capture/capture-canary.js';
import { removeAllTriggers } from './capture/capture-triggers.js';
import { openContext, type ContextOptions } from './stores/open-context.js';
import { checkStructure, openDatabase, type OpenedDatabase, type OpenOptions } from './connection/open-database.js';
import type { Connection } from './connection/driver.js';
import type { DatabaseSchema } from './schema/discovered-table.js';
import { readCookie } from './schema/schema-reader.js';
import type { ReplicaContext } from './stores/replica-context.js';
import { followSchema } from './schema/schema-change.js';
import { hasSchemaMoved } from './connection/schema-cookie.js';
import { inTransaction, whenFree } from './stores/store-transaction.js';
import { dropKeptShadows } from './stores/kept-shadows.js';
import { goneTables, stateIsGone } from './stores/gone-tables.js';
import { createSyncTables, dropSyncTables, hasSyncTables } from './stores/sync-tables.js';
import { transact } from './connection/transaction.js';

/** What the schema of a file was when it was closed, word for word. */
export interface KnownSchema {
  readonly text: string;
  readonly schema: DatabaseSchema;
}

/** An open file with its stores. */
export interface OpenedReplica {
  readonly database: OpenedDatabase;
  readonly context: ReplicaContext;
  /** What happened that a person should know. */
  readonly notices: readonly Notice[];
  /** It holds less than when the same replica last had it open: a backup was put in its place. */
  readonly isOlder: boolean;
}

/**
 * Opens the file, makes what is missing in it, and follows its schema. A crash needs no more than this: everything that
 * was not committed is not there. Throws the `SyncError`s of `openDatabase`.
 */
export async function openReplica(
  path: string,
  options: ContextOptions & {
    readonly open: OpenOptions;
    readonly known: KnownSchema | null;
    /**
     * Null: it is opened again after a rest. Where tables of the state are gone that fails with USYNC-1213, since nobody would
     * be told that what is left of the state was forgotten.
     */
    readonly opening: OpeningOptions | null;
  },
): Promise<OpenedReplica> {
  const { system, known, opening } = options;
  const database = await whenFree(system, () => openDatabase(path, options.open));
  const { connection } = database;
  try {
    const asFresh = opening?.asFresh === true;
    const gone = asFresh ? [] : await whenFree(system, () => goneTables(connection));
    if (gone.length > 0 && opening === null) throw stateIsGone(connection, gone);
    if (asFresh || gone.length > 0) await whenFree(system, () => forgetEverything(connection));
    if (known && (await whenFree(system, () => schemaText(connection) === known.text))) {
      const context = openContext(connection, options);
      context.tables.load(known.schema);
      if (await whenFree(system, () => isPrepared(context))) return { database, context, notices: [], isOlder: false };
    }
    // A damaged file that was never captured is left as it is. Later damage is met by reading and by the audit.
    if (!hasSyncTables(connection)) await whenFree(system, () => checkStructure(connection));
    await whenFree(system, () => transact(connection, 'immediate', () => createSyncTables(connection)));
    const context = openContext(connection, options);
    const notices = await whenFree(system, () => inTransaction(context, () => prepare(context, opening)));
    if (gone.length > 0) notices.push({ code: 'USYNC-1213', text: stateIsGone(connection, gone).message });
    return { database, context, notices, isOlder: false };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The rows stay as they are. */
const forgetEverything = (connection: Connection): void =>
  transact(connection, 'immediate', () => {
    removeAllTriggers(connection);
    dropSyncTables(connection);
  });

/** To be asked before closing; null when the schema moved under the stores. What can be opened again by it is not made again. */
export function knownSchema({ connection, tables }: ReplicaContext): KnownSchema | null {
  return transact(connection, 'deferred', () => {
    const schema = tables.schema();
    return schema.cookie === readCookie(connection) ? { text: schemaText(connection), schema } : null;
  });
}

/** With the sync tables and triggers in it: equal texts mean that nothing is missing, and that capture was tested. */
const schemaText = (connection: Connection): string =>
  String(
    connection
      .prepare(`SELECT group_concat(name || ' ' || rootpage || ' ' || coalesce(sql, ''), char(10)) FROM sqlite_schema`)
      .get()?.[0],
  );

/** Whether opening has nothing to write. */
const isPrepared = (context: ReplicaContext): boolean =>
  !hasSchemaMoved(context) && !mustCompareAll(context) && isOwnDatabase(context);

function prepare(context: ReplicaContext, opening: OpeningOptions | null): Notice[] {
  if (opening !== null) dropKeptShadows(context);
  const notices = ensureIdentity(context);
  if (mustCompareAll(context)) {
    compareAll(context);
    notices.push({ code: 'notes-emptied', text: 'the notes of capture were emptied; all tables are compared' });
  }
  if (hasSchemaMoved(context)) {
    const { rebuilt, dropped } = followSchema(context);
    const known = rebuilt.filter((name) => context.tables.byName(name) !== null);
    if (known.length > 0) notices.push({ code: 'triggers-installed', text: `capture was put on ${known.join(', ')}` });
    if (dropped.length > 0) notices.push({ code: 'tables-gone', text: `no longer here: ${dropped.join(', ')}` });
  }
  testCapture(context.connection);
  if (hasSchemaMoved(context)) followSchema(context);
  return notices;
}

function isOwnDatabase({ meta, origins, identity }: ReplicaContext): boolean {
  if (meta.text('database') === null || meta.text('origin') === null) return false;
  return serverIdOfOrigin(origins.own()) === identity.server;
}

function ensureIdentity(context: ReplicaContext): Notice[] {
  const { meta, origins, identity, system } = context;
  const notices: Notice[] = [];
  if (meta.text('database') === null) meta.set('database', Buffer.from(system.randomBytes(16)).toString('hex'));
  const origin = meta.text('origin') === null ? null : origins.own();
  if (origin === null || serverIdOfOrigin(origin) !== identity.server) {
    origins.setOwn(originIdOf(identity.server, identity.freshEpoch()));
    if (origin !== null) {
      notices.push({ code: 'other-server', text: `the database was that of another server (${origin})` });
    }
  }
  // Known from the start, so that naming a row after it never has to write.
  origins.numberOf(genesisOrigin);
  return notices;
}
