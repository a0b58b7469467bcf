/**
 * New tables and columns that spread to servers that lack them, where a person has switched that on. Descriptions of tables
 * are lives of a table that no database can have: they travel in changesets, before the rows that need them, and in
 * snapshots, and wait where nobody uses them. Nothing is ever dropped or changed.
 */
import { errorMessageOf } from '../../../core/sync-error.js';
import type { Cell } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { beginOwnChangeset } from '../capture/own-changeset.js';
import { foldName } from '../connection/identifiers.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { renamedHere } from './renames.js';
import { schemaTable } from './schema-table.js';
import {
  addColumnSql,
  createTableSql,
  describeTable,
  readDescription,
  type TableDescription,
} from './table-description.js';

const nameColumn = 'name';
const formColumn = 'form';

interface ToldTable {
  readonly life: LifeName;
  readonly described: TableDescription;
}

function toldTables({ asides }: ReplicaContext): ToldTable[] {
  if (asides.isEmpty(schemaTable)) return [];
  return [...asides.all(schemaTable)].flatMap(({ life, cells }) => {
    const described = readDescription(cells.get(formColumn)?.value);
    return described ? [{ life, described }] : [];
  });
}

/** Whether something is to be told or made. */
export const mustPropagate = ({ propagatesSchema, meta }: ReplicaContext): boolean =>
  propagatesSchema &&
  meta.text('landing') === null &&
  (meta.text('schema-known') === null || meta.text('schema-untold') !== null || hasSchemaCome(meta));

const hasSchemaCome = (meta: ReplicaContext['meta']): boolean => meta.text('schema-came') !== null;

/**
 * What was here at any time, or was told of: tables and their columns, folded. It is made once, so that what is dropped
 * here does not come back with the next description.
 */
function knownColumns({ meta }: ReplicaContext): Readonly<Record<string, readonly string[]>> {
  return JSON.parse(meta.text('schema-known') ?? '{}') as Record<string, string[]>;
}

function remember(context: ReplicaContext, table: string, columns: readonly { readonly name: string }[]): void {
  const known = knownColumns(context);
  const before = known[foldName(table)] ?? [];
  const now = new Set([...before, ...columns.map(({ name }) => foldName(name))]);
  context.meta.set('schema-known', JSON.stringify({ ...known, [foldName(table)]: [...now] }));
}

/** A description came, by a changeset or a snapshot. */
export const noteSchemaCame = ({ meta }: ReplicaContext): void => meta.set('schema-came', 1);

/** The schema was followed: by the opening, a landing, or a drain. It is told by the next drain at the latest. */
export const noteSchemaUntold = ({ meta, propagatesSchema }: ReplicaContext): void => {
  if (propagatesSchema) meta.set('schema-untold', 1);
};

/** Describes tables that nobody has described as they are here. Inside a write transaction, when the schema is followed. */
export function tellSchema(context: ReplicaContext): void {
  const { connection, tables, meta, asides } = context;
  if (!context.propagatesSchema) return;
  // While a snapshot lands nothing of one's own is written; it is told later.
  if (meta.text('landing') !== null) return;
  meta.set('schema-untold', null);
  for (const { name, schema } of tables.all()) remember(context, name, schema.columns);
  if (meta.text('schema-known') === null) meta.set('schema-known', '{}');
  const told = toldTables(context);
  const discovered = new Map(tables.schema().tables.map((form) => [form.name, form]));
  const fresh: TableDescription[] = [];
  const outdated: LifeName[] = [];
  for (const { name, number } of tables.all()) {
    const form = discovered.get(name);
    const renamed = renamedHere(context, number);
    const described = form && !renamed.isTable ? describeTable(connection, form, renamed.columns) : null;
    if (!described) continue;
    const former = told.filter((each) => foldName(each.described.name) === foldName(name));
    if (former.some((each) => saysAll(each.described, described))) continue;
    fresh.push(described);
    for (const { life, described: before } of former) if (saysAll(described, before)) outdated.push(life);
  }
  if (fresh.length === 0) return;
  const changeset = beginOwnChangeset(context, { isDuty: false });
  const { stamp, origin } = changeset;
  changeset.add({
    kind: 'end',
    table: schemaTable,
    why: 'delete',
    count: outdated.length,
    lives: outdated.map((life) => [life]),
    keyColumns: [],
    keys: [],
  });
  const first = changeset.takeIndexes(fresh.length);
  const values = [fresh.map(({ name }) => name), fresh.map((described) => JSON.stringify(described))] as const;
  changeset.add({
    kind: 'insert',
    table: schemaTable,
    columns: [nameColumn, formColumn],
    count: fresh.length,
    indexes: fresh.map((_, i) => first + i),
    rows: new Map(),
    times: fresh.map(() => stamp),
    cellStamps: new Map(),
    values,
  });
  for (const life of outdated) asides.remove(schemaTable, life);
  for (const i of fresh.keys()) {
    const life = { stamp, origin, index: first + i };
    const cells = new Map<string, Cell>([
      [nameColumn, { value: values[0][i] ?? '', at: { stamp, origin } }],
      [formColumn, { value: values[1][i] ?? '', at: { stamp, origin } }],
    ]);
    asides.put({
      table: schemaTable,
      life,
      row: life,
      cells,
      why: 'table-unknown',
      behind: null,
      key: null,
      note: null,
    });
  }
  changeset.finish();
}

/** A table that is described with these columns needs no other description. */
function saysAll(one: TableDescription, other: TableDescription): boolean {
  const names = new Set(one.columns.map(({ name }) => foldName(name)));
  return other.columns.every(({ name }) => names.has(foldName(name)));
}

/** Makes what is described and not here. The schema has moved afterwards, as by a migration of the application. */
export async function growSchema(context: ReplicaContext): Promise<void> {
  const { meta, observe, dataset, system } = context;
  if (!context.propagatesSchema || !hasSchemaCome(meta)) return;
  const grown: string[] = [];
  await whenFree(system, () =>
    inTransaction(context, () => {
      meta.set('schema-came', null);
      for (const { described } of toldTables(context)) grown.push(...growTable(context, described));
    }),
  );
  for (const what of grown) observe('info', { kind: 'schema-grown', dataset, what });
}

function growTable(context: ReplicaContext, described: TableDescription): string[] {
  const { connection } = context;
  const known = knownColumns(context)[foldName(described.name)];
  remember(context, described.name, described.columns);
  const columns = connection
    .prepare(`SELECT name FROM pragma_table_xinfo(?, 'main')`)
    .all(described.name)
    .map(([name]) => foldName(String(name)));
  if (columns.length === 0) {
    const isWanted = known === undefined && typeof context.adjust(emptySchema(described.name), []) !== 'string';
    return isWanted && isFree(context, described.name) && made(context, createTableSql(described))
      ? [`table ${described.name}`]
      : [];
  }
  return described.columns.flatMap((column) => {
    if (columns.includes(foldName(column.name)) || known?.includes(foldName(column.name)) === true) return [];
    const sql = column.isRenamed ? null : addColumnSql(described.name, column, described);
    return sql !== null && made(context, sql) ? [`column ${described.name}.${column.name}`] : [];
  });
}

/** A view or an index may have the name. */
const isFree = ({ connection }: ReplicaContext, name: string): boolean =>
  connection.prepare('SELECT 1 FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE').get(name) === undefined;

/** What the database refuses is not made: what needs it waits, as without any of this. */
function made({ connection, observe, dataset }: ReplicaContext, sql: string): boolean {
  try {
    connection.exec(sql);
    return true;
  } catch (error) {
    observe('warn', { kind: 'schema-not-grown', dataset, why: errorMessageOf(error) });
    return false;
  }
}

const emptySchema = (name: string) =>
  ({ name, columns: [], key: [], keyKind: 'bag', references: [], uniques: [] }) as const;
