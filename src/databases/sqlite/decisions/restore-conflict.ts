import { SyncError } from '../../../core/sync-error.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { RestoreOutcome } from '../../replica.js';
import { quoteName } from '../connection/identifiers.js';
import { ConstraintFailure } from '../connection/sqlite-failure.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { Conflict } from '../stores/conflict-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { conflictHere } from './conflict-here.js';
import { isKeyLoser, keyOfReference } from './conflict-records.js';

/**
 * Puts back what lost, as a person's write: capture notes it as any write of the application, so it is newer than what
 * stands and reaches every server. Inside a write transaction, after a drain. Throws USYNC-1801 when it cannot be put
 * back; nothing has changed then. `incomplete`: only the server that wrote the row knows all of it.
 */
export function restoreConflict(context: ReplicaContext, found: Conflict): RestoreOutcome {
  memoryOf(context).begin();
  const conflict = conflictHere(context, found);
  const table = context.tables.byName(conflict.table);
  if (!table) throw cannot(conflict, `table ${conflict.table} is not synced here`);
  const key = standingKey(context, table, conflict);
  if (conflict.column !== null) {
    const isHere = [...conflict.lost.keys()].some((column) => table.positionByColumn.has(column));
    if (!isHere) throw cannot(conflict, `column ${conflict.column} is not here`);
    if (!key) throw cannot(conflict, 'the row is deleted', 'Restore the deleted row first.');
    return { kind: 'restored', rows: update(context, table, { conflict, key, cells: conflict.lost }) };
  }
  if (key) return { kind: 'restored', rows: update(context, table, { conflict, key, cells: conflict.lost }) };
  if (!conflict.rest) return { kind: 'incomplete' };
  return { kind: 'restored', rows: insert(context, table, conflict) };
}

/** Where the row stands now, whatever number it has: through the life that lost, or the row that it is part of. */
function standingKey(context: ReplicaContext, table: SyncedTable, conflict: Conflict): Key | null {
  const { life, key } = conflict;
  const { rows } = memoryOf(context);
  const byLife = rows.keyOfLife(table, life);
  if (byLife) return byLife;
  const aside = context.asides.find(table.name, life);
  const byRow = rows.keyOfRow(table, aside?.row ?? life);
  if (byRow) return byRow;
  // A row that lost its key to another one takes that one's place.
  return isKeyLoser(conflict) && key.length === table.keySql.length && context.shadows.find(table, key) ? key : null;
}

interface Writing {
  readonly conflict: Conflict;
  readonly key: Key;
  readonly cells: ReadonlyMap<string, { readonly value: CellValue }>;
}

function update(context: ReplicaContext, table: SyncedTable, { conflict, key, cells }: Writing): number {
  const isRow = conflict.column === null;
  const keyColumns = new Set(table.schema.key);
  const values = valuesOf(context, table, { conflict, cells }).filter(([column]) => !isRow || !keyColumns.has(column));
  if (values.length === 0) return 0;
  const sets = values.map(([column]) => `${quoteName(column)} = ?`).join(', ');
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const differs = values.map(([column]) => `${quoteName(column)} IS NOT ?`).join(' OR ');
  const written = values.map(([, value]) => value);
  return write(context, conflict, {
    sql: `UPDATE OR ABORT ${table.sql} SET ${sets} WHERE ${where} AND (${differs})`,
    values: [...written, ...key, ...written],
  });
}

function insert(context: ReplicaContext, table: SyncedTable, conflict: Conflict): number {
  const cells = new Map([...(conflict.rest ?? []), ...conflict.lost]);
  const values = valuesOf(context, table, { conflict, cells }).filter(
    ([column, value]) => !isNumberTaken(context, table, column, value),
  );
  const names = values.map(([column]) => quoteName(column)).join(', ');
  const places = values.map(() => '?').join(', ');
  return write(context, conflict, {
    sql: `INSERT OR ABORT INTO ${table.sql} (${names}) VALUES (${places})`,
    values: values.map(([, value]) => value),
  });
}

/** A generated number that another row has by now is left to the database: the row comes back under a free one. */
function isNumberTaken(context: ReplicaContext, table: SyncedTable, column: string, value: SqlValue): boolean {
  const { isNumbered } = memoryOf(context).set.planOf(table);
  return isNumbered && column === table.schema.key[0] && context.shadows.find(table, [value]) !== null;
}

function valuesOf(
  context: ReplicaContext,
  table: SyncedTable,
  { conflict, cells }: Pick<Writing, 'conflict' | 'cells'>,
): [column: string, value: SqlValue][] {
  return [...cells].flatMap(([column, { value }]): [string, SqlValue][] => {
    if (!table.positionByColumn.has(column)) return [];
    if (!(value instanceof RowReference)) return [[column, value]];
    const number = keyOfReference(context, { table: table.name, column }, value);
    if (number === null) {
      const parent = table.schema.references.find(({ columns }) => columns[0] === column)?.parentTable ?? 'that table';
      const step = `Bring that row of ${parent} back first: "usync undo" takes back what the server that deleted it did.`;
      throw cannot(conflict, `the row that ${column} refers to is not here`, step);
    }
    return [[column, number]];
  });
}

function write(
  { connection }: ReplicaContext,
  conflict: Conflict,
  { sql, values }: { readonly sql: string; readonly values: readonly SqlValue[] },
): number {
  try {
    return connection.cached(sql).run(...values).changes;
  } catch (error) {
    if (!(error instanceof ConstraintFailure)) throw error;
    throw cannot(conflict, error.message, 'Change the row that stands in the way, then restore again.');
  }
}

const cannot = ({ id, table }: Conflict, why: string, nextStep?: string): SyncError =>
  new SyncError('USYNC-1801', `Conflict ${id} in table ${table} cannot be restored: ${why}.`, {
    ...(nextStep !== undefined && { nextStep }),
  });
