import { keyText } from '../merge/key-moves.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';

/**
 * Which rows applications have written since the last drain. While something lands nothing is drained, and what was
 * written must not be merged over: it has no stamp yet.
 */
export interface WrittenKeys {
  /** Takes in what was noted since the last call. Inside a write transaction, so that nothing can be added meanwhile. */
  refresh(): void;
  isAny(table: SyncedTable): boolean;
  has(table: SyncedTable, key: Key): boolean;
}

export function createWrittenKeys({ notes, meta, tables }: ReplicaContext): WrittenKeys {
  let readUpTo = meta.number('cursor') ?? 0;
  const keysByTable = new Map<number, Set<string>>();
  return {
    refresh() {
      const upTo = notes.newest();
      if (upTo <= readUpTo) return;
      const widest = Math.max(1, ...tables.all().map((table) => table.keySql.length));
      for (const note of notes.read({ after: readUpTo, upTo }, widest)) {
        const table = tables.byNumber(note.table);
        if (!table) continue;
        let keys = keysByTable.get(note.table);
        if (!keys) keysByTable.set(note.table, (keys = new Set()));
        keys.add(keyText(table, note.key.slice(0, table.keySql.length)));
      }
      readUpTo = upTo;
    },
    isAny: (table) => keysByTable.has(table.number),
    has: (table, key) => keysByTable.get(table.number)?.has(keyText(table, key)) ?? false,
  };
}
