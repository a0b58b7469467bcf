import type { Stamp } from '../../../core/stamp.js';
import { installTriggers, missingTriggers, numbersByTrigger } from '../capture/capture-triggers.js';
import type { DiscoveredTable } from './discovered-table.js';
import { foldName } from '../connection/identifiers.js';
import { forgetKeyless } from '../capture/keyless-rows.js';
import { dropKnownValueTriggers, keepKnownValues } from '../capture/known-values.js';
import { addPending } from '../capture/pending-reconcile.js';
import { addPendingSettle } from '../merge/tables-to-settle.js';
import { addLostColumns, addLostTable } from '../stores/lost-tables.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { goneTables, stateIsGone } from '../stores/gone-tables.js';
import { createSyncTables } from '../stores/sync-tables.js';
import { areShadowsKept } from '../stores/kept-shadows.js';
import { recountedDigest, refusedDigest } from '../stores/recounted-digest.js';
import { clearShadows, keepsKey, rebuildShadows } from '../stores/shadow-layout.js';
import { readCookie, readSchema } from './schema-reader.js';
import { markMigration } from './migration-mark.js';
import { renameCellsAside } from './renamed-cells.js';
import { renamedColumns } from './renamed-columns.js';
import { noteSchemaUntold } from './propagated-schema.js';
import { columnNameHere, rememberColumns, rememberTable, renameAside } from './renames.js';
import { createSyncedTable, joinsTable, layoutOf, type SyncedTable } from './synced-table.js';
import { adjustedForm, type TableRecord } from './table-registry.js';
import { integerAt } from '../connection/row-values.js';

/** What a changed schema meant, for reports. */
export interface SchemaChange {
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  /** Tables that had lost their triggers: they were written unseen and are compared as a whole. */
  readonly rebuilt: readonly string[];
}

/**
 * Brings the stores up to the schema as it is now: tables are found again, shadows follow renamed tables and columns,
 * triggers are put back. Rows are compared and settled later (`pending-reconcile.ts`, `pending-settle.ts`). A table that is gone ends no row.
 * Inside a write transaction; the caller asked `hasSchemaMoved` first. Throws USYNC-1213 where tables of the state are gone.
 */
export function followSchema(context: ReplicaContext): SchemaChange {
  const { connection, tables, meta, adjust, asides } = context;
  const gone = goneTables(connection);
  if (gone.length > 0) throw stateIsGone(connection, gone);
  dropKnownValueTriggers(context);
  // A migration tool may take tables that it does not know for garbage: without those of capture no application can write.
  createSyncTables(connection);
  const schema = readSchema(connection);
  forgetKeyless(context);
  tables.load(schema);
  const records = tables.records();
  const numberByName = numbersByTrigger(connection);
  const isKnown = ({ name }: DiscoveredTable): boolean =>
    records.some(
      (record) =>
        record.rootPage !== 0 && (foldName(record.name) === foldName(name) || record.number === numberByName.get(name)),
    );
  const forms = schema.tables.flatMap(
    (found) => adjustedForm(found, { adjust, all: schema.tables, isKnown: isKnown(found) }).form ?? [],
  );
  const claimed = claimRecords(forms, records, numberByName);
  const added: string[] = [];
  for (const form of forms) {
    const record = claimed.get(form.name);
    if (!record || record.rootPage === 0) {
      if (!record || !comesBack(context, form, record)) takeIn(context, form, record?.number ?? tables.nextNumber());
      added.push(form.name);
    } else follow(context, form, { record, hasTriggers: numberByName.get(form.name) === record.number });
  }
  const present = new Set([...claimed.values()].map((record) => record.number));
  const dropped = records.filter((record) => record.rootPage !== 0 && !present.has(record.number));
  for (const record of dropped) forgetTable(context, record);
  const rebuilt = putTriggersBack(context);
  for (const table of tables.all()) if (table.isBag) addPending(context, table, 'life');
  // In this transaction: what an application adds from now on is an addition to what is known.
  keepKnownValues(context, { isFollowing: true });
  meta.set('cookie', readCookie(connection));
  noteSchemaUntold(context);
  markMigration(context, { isFirst: records.length === 0 });
  tables.load(readSchema(connection));
  // A constraint or a trigger that refused a row may be gone as well.
  const waiting = tables.all().filter(({ name }) => !asides.isEmpty(name) || asides.hasExtraCells(name));
  addPendingSettle(context, [...added.flatMap((name) => tables.byName(name) ?? []), ...waiting]);
  return { added, dropped: dropped.map((record) => record.name), rebuilt };
}

/**
 * Which record is which table now. A record whose table is no longer recognised by triggers goes by its name (a rebuild:
 * made under another name, filled, renamed); a table with triggers of ours goes by them (a rename). A root page says nothing: a
 * table that is made in the same migration takes that of one that was dropped.
 */
function claimRecords(
  forms: readonly DiscoveredTable[],
  records: readonly TableRecord[],
  numberByName: ReadonlyMap<string, number>,
): Map<string, TableRecord> {
  const byNumber = new Map(records.map((record) => [record.number, record]));
  const byName = new Map(records.map((record) => [foldName(record.name), record]));
  const withTriggers = new Set(numberByName.values());
  const claimed = new Map<string, TableRecord>();
  const taken = new Set<number>();
  const claim = (form: DiscoveredTable, record: TableRecord | undefined): void => {
    if (!record || claimed.has(form.name) || taken.has(record.number)) return;
    claimed.set(form.name, record);
    taken.add(record.number);
  };
  for (const form of forms) {
    const named = byName.get(foldName(form.name));
    if (named && (!withTriggers.has(named.number) || numberByName.get(form.name) === named.number)) claim(form, named);
  }
  for (const form of forms) claim(form, byNumber.get(numberByName.get(form.name) ?? 0));
  return claimed;
}

/** A table that is new here, or back: what its rows were before nobody knows, so they are named by their keys. */
function takeIn(context: ReplicaContext, form: DiscoveredTable, number: number): void {
  const table = createSyncedTable(number, form, layoutOf(form.schema));
  context.tables.save({ number, name: form.name, layout: table.layout, rootPage: form.rootPage, key: form.schema.key });
  clearShadows(context, table);
  context.shadows.createTable(table);
  // Triggers note from this transaction on what comes later, so nothing of an empty table need be looked for. Bags are
  // compared at every change of the schema anyway.
  if (table.isBag || holdsRows(context, table)) addPending(context, table, 'genesis');
}

/**
 * A table whose name was gone for a while, with rows that are known by their keys: a rebuild in several transactions. What is
 * not in it ends nothing. What others wrote meanwhile is known to the vector and not here, so it comes by a snapshot. Rows of
 * bags have no keys.
 */
function comesBack(context: ReplicaContext, form: DiscoveredTable, record: TableRecord): boolean {
  const { connection, tables, asides } = context;
  if (form.schema.key.length === 0 || record.key.length === 0) return false;
  if (!areShadowsKept(connection, record.number)) return false;
  follow(context, form, { record, hasTriggers: false });
  const table = tables.byName(form.name);
  if (!table) return true;
  const row = `SELECT 1 FROM ${table.sql} r WHERE ${joinsTable(table, 's', 'r')}`;
  connection.exec(`DELETE FROM ${table.shadowSql} AS s WHERE NOT EXISTS (${row})`);
  const twice = `SELECT a.origin, a.stamp, a.place FROM ${table.shadowSql} s CROSS JOIN _usync_lives a
    ON a.tbl = ? AND a.stamp = s.s AND a.origin = s.o AND a.place = s.i`;
  for (const [origin, stamp, place] of connection.prepare(twice).all(table.name)) {
    const life = {
      origin: context.origins.originOf(Number(origin)),
      stamp: Number(stamp) as Stamp,
      index: Number(place),
    };
    asides.remove(table.name, life);
  }
  tables.setDigest(table, recountedDigest(context, table));
  addLostTable(context, table.number);
  return true;
}

const holdsRows = ({ connection }: ReplicaContext, table: SyncedTable): boolean =>
  connection.cached(`SELECT 1 FROM ${table.sql} LIMIT 1`).get() !== undefined;

function follow(
  context: ReplicaContext,
  form: DiscoveredTable,
  { record, hasTriggers }: { readonly record: TableRecord; readonly hasTriggers: boolean },
): void {
  const renamed = renamedColumns(context, form, record);
  const wanted = layoutOf(form.schema);
  const kept = record.layout.map((column) => renamed.get(column) ?? column).filter((column) => wanted.includes(column));
  const fresh = wanted.filter((column) => !kept.includes(column));
  const layout = [...kept, ...fresh];
  if (kept.length < record.layout.length) addLostColumns(context, record.number);
  const table = createSyncedTable(record.number, form, layout);
  // A root page may be used again by the table that takes the place of a dropped one: triggers would not survive that.
  const isRebuilt = form.rootPage !== record.rootPage || !hasTriggers;
  const isSame = JSON.stringify(layout) === JSON.stringify(record.layout);
  if (isSame && !isRebuilt && form.name === record.name && keepsKey(context, table)) return;
  context.tables.save({
    number: record.number,
    name: form.name,
    layout,
    rootPage: form.rootPage,
    key: form.schema.key,
  });
  if (isRebuilt && wasEmptied(context, table, record)) {
    // Dropped and made again with nothing in it: that alone is no wish to delete the rows everywhere.
    addLostTable(context, table.number);
    clearShadows(context, table);
    context.shadows.createTable(table);
    addPending(context, table, 'genesis');
    return;
  }
  // The digest is told to nobody before what these rows show is drained.
  if (rebuildShadows(context, table, { name: record.name, layout: record.layout, key: record.key, renamed }))
    addPendingSettle(context, [table]);
  rememberColumns(context, record.number, renamed);
  if (renamed.size > 0) renameCellsAside(context, record.name, (column) => renamed.get(column) ?? column);
  if (form.name === record.name) return;
  rememberTable(context, record.name, record.number);
  // What came under the new name before: its sender may have renamed the table first and a column later.
  renameCellsAside(context, form.name, columnNameHere(context, table));
  renameAside(context, record.name, form.name);
}

/** True when rows are missing that nobody deleted: what was deleted while our triggers stood is noted, and has ended. */
function wasEmptied(context: ReplicaContext, table: SyncedTable, former: TableRecord): boolean {
  const { connection, meta } = context;
  if (holdsRows(context, table)) return false;
  const key = Array.from({ length: Math.max(former.key.length, 1) }, (_, i) => `k${i + 1}`).join(', ');
  const unnoted = `SELECT ${key} FROM ${table.shadowSql}
    EXCEPT SELECT ${key} FROM _usync_notes WHERE tbl = ? AND seq > ? LIMIT 1`;
  return connection.prepare(unnoted).get(BigInt(table.number), BigInt(meta.number('cursor') ?? 0)) !== undefined;
}

/** Shadows are kept for a table that may come back; lives that hide aside stay, for they hold their own cells. */
function forgetTable(context: ReplicaContext, record: TableRecord): void {
  const { tables, asides } = context;
  const refused = refusedDigest(asides, record.name);
  if (tables.digest(record).rows > refused.rows) addLostTable(context, record.number);
  tables.save({ ...record, rootPage: 0 });
  tables.setDigest(record, refused);
}

function putTriggersBack(context: ReplicaContext): string[] {
  const { connection, tables } = context;
  const numbered = tables.all().map((table) => ({ number: table.number, table: table.form }));
  const missing = missingTriggers(connection, numbered);
  installTriggers(connection, missing);
  for (const { number } of missing) {
    const table = tables.byNumber(number);
    if (table) addPending(context, table, 'life');
  }
  return missing.map(({ table }) => table.name);
}

/** Rows of tables that no changeset has spoken of yet. */
export function countRows({ connection }: ReplicaContext, table: SyncedTable): number {
  return integerAt(connection.prepare(`SELECT count(*) FROM ${table.sql}`).get() ?? [0n], 0);
}
