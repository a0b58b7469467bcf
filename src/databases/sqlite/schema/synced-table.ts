import type { TableSchema } from '../../../core/table-schema.js';
import type { Affinity } from '../../../core/reference-form.js';
import type { DiscoveredTable } from './discovered-table.js';
import { quoteName } from '../connection/identifiers.js';

/** A table of the application that is synced, and its shadows. */
export interface SyncedTable {
  readonly number: number;
  readonly name: string;
  readonly schema: TableSchema;
  readonly form: DiscoveredTable;
  /** Columns that are captured, in the order of the hashes in shadows. */
  readonly layout: readonly string[];
  readonly positionByColumn: ReadonlyMap<string, number>;
  readonly affinityByColumn: ReadonlyMap<string, Affinity>;
  /** Positions of the key columns in the layout; none in a bag. */
  readonly keyPositions: readonly number[];
  /** SQL of what a row is found by: its key columns, or the rowid of a bag. Quoted. */
  readonly keySql: readonly string[];
  /** Per part of the key, affinity and collation as the shadow declares them. */
  readonly keyTypes: readonly string[];
  /** True for INTEGER PRIMARY KEY and for bags: shadows are found by one integer. */
  readonly isRowidKey: boolean;
  readonly isBag: boolean;
  /** Quoted name of the table in the application's schema. */
  readonly sql: string;
  readonly shadowSql: string;
}

export function createSyncedTable(number: number, form: DiscoveredTable, layout: readonly string[]): SyncedTable {
  const { schema } = form;
  const positionByColumn = new Map(layout.map((column, position) => [column, position]));
  const isBag = schema.keyKind === 'bag';
  return {
    number,
    name: schema.name,
    schema,
    form,
    layout,
    positionByColumn,
    affinityByColumn: new Map(form.columns.map(({ name, affinity }) => [name, affinity])),
    keyPositions: isBag ? [] : schema.key.map((column) => positionByColumn.get(column) ?? -1),
    keySql: isBag ? [form.rowidName ?? 'rowid'] : schema.key.map(quoteName),
    keyTypes: isBag
      ? ['INTEGER']
      : form.key.map(({ affinity, collation }) => `${affinity} COLLATE ${quoteName(collation)}`),
    isRowidKey: isBag || form.isRowidKey,
    isBag,
    sql: `main.${quoteName(form.name)}`,
    shadowSql: `main._usync_s${number}`,
  };
}

/** The columns of a table that are captured: those that the engine does not compute and nobody leaves out. */
export const layoutOf = (schema: TableSchema): string[] =>
  schema.columns.filter((column) => !column.isGenerated && column.rule !== 'left-out').map((column) => column.name);

export const shadowKeyColumns = (table: SyncedTable): string[] => table.keySql.map((_, i) => `k${i + 1}`);

/** `a.k1 = b.x AND ...`: how a shadow (or anything with its key columns) joins the application's table. */
export const joinsTable = (table: SyncedTable, shadowAlias: string, tableAlias: string): string =>
  table.keySql.map((key, i) => `${tableAlias}.${key} = ${shadowAlias}.k${i + 1}`).join(' AND ');

export const joinsKeys = (table: SyncedTable, a: string, b: string): string =>
  shadowKeyColumns(table)
    .map((column) => `${a}.${column} = ${b}.${column}`)
    .join(' AND ');

/** The key columns of a shadow, or of a list of keys in a temporary table. */
function keyDeclaration(table: SyncedTable): { readonly columns: string; readonly suffix: string } {
  if (table.isRowidKey) return { columns: 'k1 INTEGER PRIMARY KEY', suffix: '' };
  const columns = table.keyTypes.map((type, i) => `k${i + 1} ${type}`).join(', ');
  return { columns, suffix: ' WITHOUT ROWID' };
}

/** `schema` is `main`, or `temp` for shadows that wait to be written (`stageOf`). */
export function createShadowTable(table: SyncedTable, schema: 'main' | 'temp' = 'main'): string[] {
  const { columns, suffix } = keyDeclaration(table);
  const primaryKey = table.isRowidKey ? '' : `, PRIMARY KEY (${shadowKeyColumns(table).join(', ')})`;
  const name = table.shadowSql.slice(table.shadowSql.indexOf('.') + 1);
  const create = `CREATE TABLE IF NOT EXISTS ${schema}.${name} (${columns}, o INTEGER NOT NULL, s INTEGER NOT NULL,
    i INTEGER NOT NULL, r BLOB, d INTEGER, b INTEGER, h INTEGER NOT NULL, c BLOB NOT NULL, x BLOB${primaryKey})${suffix}`;
  const byLife = `CREATE INDEX IF NOT EXISTS ${schema}.${name}_life ON ${name} (s, i)`;
  return table.isBag ? [create, byLife] : [create];
}
