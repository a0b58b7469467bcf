import type { LifeName } from '../../../core/life.js';
import { withNumbers } from '../../../core/reference-list.js';
import { stampOfMs } from '../../../core/stamp.js';
import { substituteNumber } from '../../../core/substitute.js';
import type { ListSchema } from '../../../core/table-schema.js';
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
  for (const child of tables.all()) {
    for (const reference of child.schema.references) {
      const [from] = reference.columns;
      if (reference.parentTable !== table.name || !reference.byRow || from === undefined) continue;
      const isOwn = `NOT EXISTS (SELECT 1 FROM ${child.shadowSql} s WHERE ${child.keySql.map((name, k) => `s.k${k + 1} = c.${name}`).join(' AND ')})`;
      const own = `SELECT ${child.keySql.join(', ')} FROM ${child.sql} AS c`;
      for (const childKey of connection.cached(`${own} WHERE ${quoteName(from)} = ? AND ${isOwn}`).allExact(...key)) {
        openFor(context, child);
        const where = child.keySql.map((name) => `${name} = ?`).join(' AND ');
        connection
          .cached(`UPDATE OR ABORT ${child.sql} SET ${quoteName(from)} = ? WHERE ${where}`)
          .run(free, ...childKey);
      }
    }
    for (const list of child.schema.lists ?? [])
      if (list.parentTable === table.name && typeof number === 'bigint')
        moveInList(context, child, list, { number, free });
  }
}

interface Moved {
  readonly number: bigint;
  readonly free: bigint;
}

/** Lists of rows of our own that name the number. No index finds them. */
function moveInList(context: ReplicaContext, child: SyncedTable, list: ListSchema, { number, free }: Moved): void {
  const { connection } = context;
  const column = quoteName(list.column);
  const isOwn = `NOT EXISTS (SELECT 1 FROM ${child.shadowSql} s WHERE ${child.keySql.map((name, k) => `s.k${k + 1} = c.${name}`).join(' AND ')})`;
  const rows = connection
    .cached(
      `SELECT c.${column}, ${child.keySql.join(', ')} FROM ${child.sql} AS c WHERE instr(c.${column}, ?) > 0 AND ${isOwn}`,
    )
    .allExact(String(number));
  for (const [value = null, ...childKey] of rows) {
    const moved = withNumbers(list.format, value, (each) => (each === number ? free : each));
    if (moved === value) continue;
    openFor(context, child);
    const where = child.keySql.map((name) => `${name} = ?`).join(' AND ');
    connection.cached(`UPDATE OR ABORT ${child.sql} SET ${column} = ? WHERE ${where}`).run(moved, ...childKey);
  }
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
