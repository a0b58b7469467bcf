import type { TableSchema } from '../../../core/table-schema.js';
import type { DatabaseSchema, DiscoveredTable } from './discovered-table.js';
import type { Connection } from '../connection/driver.js';
import { foldName } from '../connection/identifiers.js';
import { integerAt, textAt } from '../connection/row-values.js';
import { createTableDigests, type TableDigests } from '../stores/table-digests.js';
import { createSyncedTable, layoutOf, type SyncedTable } from './synced-table.js';

/** What was decided for a table: its schema with the rules of a person, or why it is left out. */
export type AdjustSchema = (schema: TableSchema, all: readonly DiscoveredTable[]) => TableSchema | string;

/** The tables that are synced, by number and name, with their digests. Cached; digests are written at each commit. */
export interface TableRegistry extends TableDigests {
  all(): readonly SyncedTable[];
  /** Names are compared as SQLite does: without ASCII case. */
  byName(name: string): SyncedTable | null;
  byNumber(number: number): SyncedTable | null;
  /** Tables that are there but not synced, with the reason. */
  leftOut(): readonly { readonly name: string; readonly reason: string; readonly form: DiscoveredTable }[];
  /** The schema that the registry stands on. */
  schema(): DatabaseSchema;
  /** What `_usync_tables` holds, whether the table is still there or not. */
  records(): readonly TableRecord[];
  /** Takes a table in, or renames it, or gives it another layout. The shadow table is the caller's work. */
  save(record: TableRecord): void;
  forget(number: number): void;
  /** A number that no table has or had. */
  nextNumber(): number;
  /** Stands on another schema from now on. */
  load(schema: DatabaseSchema): void;
  reload(): void;
}

export interface TableRecord {
  readonly number: number;
  readonly name: string;
  readonly layout: readonly string[];
  /** 0: the application has no such table; it may come back. */
  readonly rootPage: number;
  /** Names of the key columns; none for a bag. */
  readonly key: readonly string[];
}

interface Loaded {
  readonly byNumber: Map<number, SyncedTable>;
  readonly byName: Map<string, SyncedTable>;
  readonly leftOut: { readonly name: string; readonly reason: string; readonly form: DiscoveredTable }[];
}

export function createTableRegistry(
  connection: Connection,
  options: { readonly readSchema: () => DatabaseSchema; readonly adjust: AdjustSchema },
): TableRegistry {
  const select = connection.prepare(
    'SELECT number, name, layout, rows, sum, root, key FROM _usync_tables ORDER BY number',
  );
  const upsert = connection.prepare(
    `INSERT INTO _usync_tables (number, name, layout, rows, sum, root, key) VALUES (?, ?, ?, 0, 0, ?, ?)
     ON CONFLICT (number) DO UPDATE SET name = excluded.name, layout = excluded.layout, root = excluded.root,
     key = excluded.key`,
  );
  const remove = connection.prepare('DELETE FROM _usync_tables WHERE number = ?');
  const digests = createTableDigests(connection);
  let schema: DatabaseSchema | null = null;
  let loaded: Loaded | null = null;
  const tables = (): Loaded => (loaded ??= loadTables(registry.records(), registry.schema(), options.adjust));

  const registry: TableRegistry = {
    all: () => [...tables().byNumber.values()],
    byName: (name) => tables().byName.get(foldName(name)) ?? null,
    byNumber: (number) => tables().byNumber.get(number) ?? null,
    leftOut: () => tables().leftOut,
    schema: () => (schema ??= options.readSchema()),
    ...digests,
    records: () =>
      select.all().map((row) => ({
        number: integerAt(row, 0),
        name: textAt(row, 1),
        layout: JSON.parse(textAt(row, 2)) as string[],
        rootPage: integerAt(row, 5),
        key: JSON.parse(textAt(row, 6)) as string[],
      })),
    save({ number, name, layout, rootPage, key }) {
      upsert.run(BigInt(number), name, JSON.stringify(layout), BigInt(rootPage), JSON.stringify(key));
      loaded = null;
    },
    forget(number) {
      remove.run(BigInt(number));
      digests.forgetDigest(number);
      loaded = null;
    },
    nextNumber: () => 1 + Math.max(0, ...registry.records().map((record) => record.number)),
    load(fresh) {
      schema = fresh;
      loaded = null;
    },
    reload() {
      schema = null;
      loaded = null;
      digests.reloadDigests();
    },
  };
  return registry;
}

function loadTables(records: readonly TableRecord[], schema: DatabaseSchema, adjust: AdjustSchema): Loaded {
  const recordByName = new Map(
    records.filter((record) => record.rootPage !== 0).map((record) => [foldName(record.name), record]),
  );
  const loaded: Loaded = { byNumber: new Map(), byName: new Map(), leftOut: [] };
  for (const found of schema.tables) {
    const record = recordByName.get(foldName(found.name));
    const { form, reason } = adjustedForm(found, { adjust, all: schema.tables, isKnown: record !== undefined });
    if (!form || !record) {
      loaded.leftOut.push({ name: found.name, reason: reason || 'not taken in yet', form: found });
      continue;
    }
    const table = createSyncedTable(record.number, form, record.layout);
    loaded.byNumber.set(table.number, table);
    loaded.byName.set(foldName(table.name), table);
  }
  return loaded;
}

/** A discovered table with the person's rules on it; without a form when it is not to be synced. `isKnown`: it is synced already. */
export function adjustedForm(
  found: DiscoveredTable,
  {
    adjust,
    all,
    isKnown,
  }: { readonly adjust: AdjustSchema; readonly all: readonly DiscoveredTable[]; readonly isKnown: boolean },
): { readonly form: DiscoveredTable | null; readonly reason: string } {
  const schema = adjust(found.schema, all);
  // What a person leaves out is no trouble, whatever its form.
  if (typeof schema === 'string') return { form: null, reason: schema };
  if (found.obstacle !== null && !(isKnown && found.isObstaclePassing)) return { form: null, reason: found.obstacle };
  if (layoutOf(schema).length === 0) return { form: null, reason: 'every column is left out or computed' };
  return { form: { ...found, schema }, reason: '' };
}
