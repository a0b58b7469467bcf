/**
 * Tables and columns have other names on servers that renamed them sooner or later. What was renamed here is remembered,
 * and changes that go by the old name are taken for what they mean. A table that a peer renamed first is known by its lives.
 */
import type { ChangeBlock } from '../../../core/changeset.js';
import type { StateBlock } from '../../../core/state-block.js';
import { foldName } from '../connection/identifiers.js';
import { renamedCell } from '../stores/cell-names.js';
import { addPendingSettle } from '../merge/tables-to-settle.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { renameCellsAside } from './renamed-cells.js';
import { schemaTable } from './schema-table.js';
import type { SyncedTable } from './synced-table.js';

interface Renames {
  /** By other name, the number of the table. */
  readonly tables: Readonly<Record<string, number>>;
  /** By number of the table, and by former name. */
  readonly columns: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const none: Renames = { tables: {}, columns: {} };

export function rememberTable({ meta }: Pick<ReplicaContext, 'meta'>, name: string, number: number): void {
  const { tables, columns } = read(meta);
  meta.set('renames', JSON.stringify({ columns, tables: { ...tables, [foldName(name)]: number } }));
}

export function rememberColumns(
  { meta }: Pick<ReplicaContext, 'meta'>,
  number: number,
  renamed: ReadonlyMap<string, string>,
): void {
  if (renamed.size === 0) return;
  const { tables, columns } = read(meta);
  const before = Object.entries(columns[number] ?? {}).map(([from, to]) => [from, renamed.get(to) ?? to]);
  const now = Object.fromEntries([...before, ...renamed]) as Record<string, string>;
  meta.set('renames', JSON.stringify({ tables, columns: { ...columns, [number]: now } }));
}

/** What other servers may know by another name: nothing that is new. */
export function renamedHere(
  { meta }: Pick<ReplicaContext, 'meta'>,
  number: number,
): { readonly isTable: boolean; readonly columns: ReadonlySet<string> } {
  const { tables, columns } = read(meta);
  return {
    isTable: Object.values(tables).includes(number),
    columns: new Set(Object.values(columns[number] ?? {})),
  };
}

/**
 * Blocks by the names that hold here. A name that the schema has means what it says. One block may tell that a table was
 * renamed which an earlier one has named: so the tables come first.
 */
export function withNamesHere(context: ReplicaContext, blocks: readonly ChangeBlock[]): ChangeBlock[] {
  for (const block of blocks) {
    const table = context.tables.byName(block.table);
    if (table) learnOtherName(context, table, block);
    else renamedTable(context, block);
  }
  return blocks.map((block) => named(context, block));
}

/** The same for one that is only read, long after it came: nothing is learned from it. */
export const changeWithNamesHere = (context: ReplicaContext, block: ChangeBlock): ChangeBlock =>
  context.meta.text('renames') === null ? block : blockOf(context, tableHere(context, block.table), block);

/** The same for a page of a snapshot: its sender may have read it before it renamed what is renamed here. */
export function stateWithNamesHere(context: ReplicaContext, block: StateBlock): StateBlock {
  const table = tableHere(context, block.table);
  if (!table) return block;
  const nameOf = columnsHere(context, table);
  const renamed = table.name === block.table ? block : { ...block, table: table.name };
  if (!nameOf) return renamed;
  const keyed = { ...renamed, keyColumns: block.keyColumns.map(nameOf) };
  const columns = block.columns.map(nameOf);
  return new Set(columns).size < columns.length ? keyed : { ...keyed, columns };
}

/** The table that has this name, or had it before a rename. */
export const tableHere = ({ tables, meta }: ReplicaContext, name: string): SyncedTable | null =>
  tables.byName(name) ?? tables.byNumber(read(meta).tables[foldName(name)] ?? 0);

/** What a column of the table, or a cell that says something of it, is called here; null where none was renamed. */
function columnsHere(context: ReplicaContext, table: SyncedTable): ((cell: string) => string) | null {
  if (!read(context.meta).columns[table.number]) return null;
  const nameOf = columnNameHere(context, table);
  return (cell) => renamedCell(cell, nameOf);
}

/** What a column of the table is called here. A name that the table has means what it says. */
export function columnNameHere({ meta }: ReplicaContext, table: SyncedTable): (column: string) => string {
  const columns = read(meta).columns[table.number] ?? {};
  return (column) => (table.positionByColumn.has(column) ? column : (columns[column] ?? column));
}

function named(context: ReplicaContext, block: ChangeBlock): ChangeBlock {
  return blockOf(context, context.tables.byName(block.table) ?? renamedTable(context, block), block);
}

function blockOf(context: ReplicaContext, table: SyncedTable | null, block: ChangeBlock): ChangeBlock {
  if (!table) return block;
  const nameOf = columnsHere(context, table);
  const renamed = foldName(table.name) === foldName(block.table) ? block : { ...block, table: table.name };
  if (!nameOf) return renamed;
  const keyed = 'keyColumns' in renamed ? { ...renamed, keyColumns: renamed.keyColumns.map(nameOf) } : renamed;
  // Both names in one block: nobody knows which of them counts.
  if (!('columns' in keyed) || new Set(keyed.columns.map(nameOf)).size < keyed.columns.length) return keyed;
  return { ...keyed, columns: keyed.columns.map(nameOf) };
}

function renamedTable(context: ReplicaContext, block: ChangeBlock): SyncedTable | null {
  const number = read(context.meta).tables[foldName(block.table)];
  if (number !== undefined) return context.tables.byNumber(number);
  const found = tableOfLives(context, block);
  if (!found) return null;
  rememberTable(context, block.table, found.number);
  if (!context.asides.isEmpty(block.table)) takeAside(context, block.table, found);
  return found;
}

/** Of a block for a table that is nowhere here, so many are looked for. */
const changesAsked = 100;

/** A change of a life that is here, under a table's name that is not: the table was renamed there. */
function tableOfLives(context: ReplicaContext, block: ChangeBlock): SyncedTable | null {
  if (block.kind !== 'update' && block.kind !== 'end') return null;
  const known = new Set(context.tables.leftOut().map(({ name }) => foldName(name)));
  if (known.has(foldName(block.table))) return null;
  for (let i = 0; i < Math.min(block.count, changesAsked); i++) {
    const key = block.keys.length === 0 ? null : block.keys.map((column) => column[i] ?? null);
    for (const life of block.lives[i] ?? []) {
      if (context.asides.find(block.table, life)) return null;
      const found = context.tables.all().find((table) => context.lives.find(table, life, key) !== null);
      if (found) return found;
    }
  }
  return null;
}

/** A change of a life that waits under a name that no table here has: a server that gave it had renamed the table. */
function learnOtherName(context: ReplicaContext, table: SyncedTable, block: ChangeBlock): void {
  if (block.kind !== 'update' && block.kind !== 'end') return;
  const { asides, lives } = context;
  const nowhere = asides.tables().filter((name) => name !== schemaTable && !context.tables.byName(name));
  if (nowhere.length === 0) return;
  for (let i = 0; i < Math.min(block.count, changesAsked); i++) {
    for (const life of block.lives[i] ?? []) {
      const name = nowhere.find((each) => asides.find(each, life));
      if (name === undefined || lives.find(table, life, null)) continue;
      rememberTable(context, name, table.number);
      takeAside(context, name, table);
      return;
    }
  }
}

/** What waits under another name of the table is settled as rows of it. */
function takeAside(context: ReplicaContext, name: string, table: SyncedTable): void {
  renameCellsAside(context, name, columnNameHere(context, table));
  renameAside(context, name, table.name);
  addPendingSettle(context, [table]);
}

export function renameAside({ connection, asides, aliases }: ReplicaContext, before: string, after: string): void {
  for (const table of ['_usync_lives', '_usync_cells', '_usync_cell_columns', '_usync_aliases']) {
    connection.prepare(`UPDATE OR IGNORE ${table} SET tbl = ? WHERE tbl = ?`).run(after, before);
  }
  asides.reload();
  aliases.reload();
}

const read = (meta: ReplicaContext['meta']): Renames => {
  const text = meta.text('renames');
  return text === null ? none : (JSON.parse(text) as Renames);
};
