import type { Connection } from '../connection/driver.js';
import { noteKind } from './note-kind.js';
import { integerAt } from '../connection/row-values.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { SqlValue } from '../../../core/value.js';

/** Rows of generated keys that an application inserted since capture began, as the notes tell. */
export interface Newcomers {
  /** Reads the notes that came since the last call. */
  refresh(): void;
  has(table: SyncedTable, key: readonly SqlValue[]): boolean;
}

export function createNewcomers(connection: Connection): Newcomers {
  const noted = new Set<string>();
  let seenUpTo = 0n;
  return {
    refresh() {
      const rows = connection
        .cached(`SELECT seq, tbl, k1 FROM _usync_notes WHERE seq > ? AND op = ${noteKind.insert} ORDER BY seq`)
        .all(seenUpTo);
      for (const row of rows) {
        seenUpTo = BigInt(integerAt(row, 0));
        noted.add(`${integerAt(row, 1)} ${String(row[2])}`);
      }
    },
    has: (table, [number]) =>
      table.schema.keyKind === 'generated' && typeof number === 'bigint' && noted.has(`${table.number} ${number}`),
  };
}
