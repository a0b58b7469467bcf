import type { LifeName } from '../../../core/life.js';
import { withNumbers } from '../../../core/reference-list.js';
import { stampOfMs } from '../../../core/stamp.js';
import { substituteNumber } from '../../../core/substitute.js';
import type { ListSchema } from '../../../core/table-schema.js';
import type { SqlValue } from '../../../core/value.js';
import { noteKind } from '../capture/note-kind.js';
import { quoteName } from '../connection/identifiers.js';
import { openFor } from '../merge/trigger-guard.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { writeNote } from './write-note.js';

/** A row of our own under the same number: it keeps its content under a free number, and is captured as a new row. */
export function moveAside(context: ReplicaContext, table: SyncedTable, key: Key): void {
  const { connection, tables } = context;
  const [column] = table.keySql;
  const [number] = key;
  const free = freeNumber(context, table, key);
  openFor(context, table);
  connection.cached(`UPDATE OR ABORT ${table.sql} SET ${column} = ? WHERE ${column} = ?`).run(free, ...key);
  // Unnoted, it would be taken for a row of old and named by its number.
  writeNote(context, table, { kind: noteKind.insert, key: [free] });
  if (typeof number !== 'bigint') return;
  const moved: Moved = { number, free };
  for (const child of tables.all()) {
    for (const { columns, parentTable, byRow } of child.schema.references) {
      const [from] = columns;
      if (parentTable === table.name && byRow && from !== undefined) moveReference(context, child, from, moved);
    }
    for (const list of child.schema.lists ?? [])
      if (list.parentTable === table.name) moveInList(context, child, list, moved);
  }
}

interface Moved {
  readonly number: bigint;
  readonly free: bigint;
}

function moveReference(context: ReplicaContext, child: SyncedTable, column: string, { number, free }: Moved): void {
  for (const row of ownRows(context, child, { column, where: `c.${quoteName(column)} = ?`, value: number }))
    write(context, child, { column, value: free, key: row.slice(1) });
}

/** Lists of rows of our own that name the number. No index finds them. */
function moveInList(context: ReplicaContext, child: SyncedTable, list: ListSchema, { number, free }: Moved): void {
  const { column, format } = list;
  const where = `instr(c.${quoteName(column)}, ?) > 0`;
  for (const [value = null, ...key] of ownRows(context, child, { column, where, value: String(number) })) {
    const moved = withNumbers(format, value, (each) => (each === number ? free : each));
    if (moved !== value) write(context, child, { column, value: moved, key });
  }
}

/** Of rows that have not become the group's: the column's value, then the key. */
function ownRows(
  { connection }: ReplicaContext,
  table: SyncedTable,
  { column, where, value }: { readonly column: string; readonly where: string; readonly value: SqlValue },
): readonly SqlValue[][] {
  const columns = [quoteName(column), ...table.keySql].map((name) => `c.${name}`).join(', ');
  const isSame = table.keySql.map((name, k) => `s.k${k + 1} = c.${name}`).join(' AND ');
  const isOwn = `NOT EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE ${isSame})`;
  return connection.cached(`SELECT ${columns} FROM ${table.sql} AS c WHERE ${where} AND ${isOwn}`).allExact(value);
}

interface Written {
  readonly column: string;
  readonly value: SqlValue;
  readonly key: readonly SqlValue[];
}

function write(context: ReplicaContext, table: SyncedTable, { column, value, key }: Written): void {
  openFor(context, table);
  const where = table.keySql.map((name) => `${name} = ?`).join(' AND ');
  context.connection
    .cached(`UPDATE OR ABORT ${table.sql} SET ${quoteName(column)} = ? WHERE ${where}`)
    .run(value, ...key);
}

/** Made as substitutes are (rule R5), so that rows of two servers that join do not take one number again. */
function freeNumber({ connection, origins, system }: ReplicaContext, table: SyncedTable, [number = null]: Key): bigint {
  const isTaken = connection.cached(`SELECT 1 FROM ${table.sql} WHERE ${table.keySql[0] ?? ''} = ?`);
  const row: LifeName = { origin: origins.own(), stamp: stampOfMs(system.nowMs()), index: 0 };
  for (let attempt = 0; ; attempt++) {
    const free = substituteNumber(row, number, attempt);
    if (!isTaken.get(free)) return free;
  }
}
