import type { NoteKind } from '../capture/note-kind.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { Key } from '../stores/shadow-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** Under the flag nothing is noted: what is to be captured of an adopted row must be noted by us. */
export function writeNote(
  { connection, system }: ReplicaContext,
  table: SyncedTable,
  { kind, key }: { readonly kind: NoteKind; readonly key: Key },
): void {
  const [columns, marks] = [key.map((_, k) => `, k${k + 1}`), key.map(() => ', ?')];
  connection
    .cached(`INSERT INTO _usync_notes (tbl, op, time${columns.join('')}) VALUES (?, ?, ?${marks.join('')})`)
    .run(BigInt(table.number), BigInt(kind), BigInt(system.nowMs()), ...key);
}
