import type { LifeName } from '../../../core/life.js';
import type { SqlValue } from '../../../core/value.js';
import type { AsideLife, AsideStore } from '../stores/aside-store.js';
import type { Connection } from '../connection/driver.js';
import type { OriginStore } from '../stores/origin-store.js';
import { bytesAt } from '../connection/row-values.js';
import type { Key, Shadow, ShadowStore } from '../stores/shadow-store.js';
import type { SyncedTable } from '../schema/synced-table.js';
import { bytesToKey, keyToBytes } from '../stores/value-bytes.js';
import { isSameLife } from '../../../core/life.js';

export type FoundLife =
  | { readonly kind: 'shown'; readonly key: Key; readonly shadow: Shadow }
  | { readonly kind: 'aside'; readonly life: AsideLife };

/**
 * Finds a life by its name and a hint: the key at which whoever names it saw its row. Cheap, and right for nearly all.
 * A row that stands elsewhere here (one server shows a substitute, the other the number itself) may be missed: then
 * `WorkingSet.loadLife` asks the index by life, and only what that does not know has ended (rule R2.2).
 */
export interface LifeFinder {
  find(table: SyncedTable, life: LifeName, hint: readonly SqlValue[] | null): FoundLife | null;
  /** To be called when a shown life gets another key than that of its birth, and again when it moves further. */
  moved(table: SyncedTable, life: LifeName, key: Key): void;
  /** To be called when a life that may have moved ends, hides, or is back at the key of its birth. */
  notMoved(table: SyncedTable, life: LifeName): void;
  hasMoved(table: SyncedTable): boolean;
  dropTable(number: number): void;
  reload(): void;
}

export function createLifeFinder(
  connection: Connection,
  stores: { readonly origins: OriginStore; readonly shadows: ShadowStore; readonly asides: AsideStore },
): LifeFinder {
  const { origins, shadows, asides } = stores;
  const byLife = 'tbl = ? AND stamp = ? AND origin = ? AND place = ?';
  const select = connection.prepare(`SELECT key FROM _usync_moved WHERE ${byLife}`);
  const insert = connection.prepare(
    'INSERT OR REPLACE INTO _usync_moved (tbl, stamp, origin, place, key) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = connection.prepare(`DELETE FROM _usync_moved WHERE ${byLife}`);
  const removeTable = connection.prepare('DELETE FROM _usync_moved WHERE tbl = ?');
  const selectTables = connection.prepare('SELECT DISTINCT tbl FROM _usync_moved');
  let tablesWithMoved: Set<number> | null = null;
  const known = (): Set<number> => (tablesWithMoved ??= new Set(selectTables.all().map((row) => Number(row[0]))));
  const params = (table: SyncedTable, life: LifeName): [bigint, bigint, bigint, bigint] => [
    BigInt(table.number),
    BigInt(life.stamp),
    BigInt(origins.numberOf(life.origin)),
    BigInt(life.index),
  ];

  const at = (table: SyncedTable, key: Key, life: LifeName): FoundLife | null => {
    const shadow = shadows.find(table, key);
    return shadow && isSameLife(shadow.life, life) ? { kind: 'shown', key, shadow } : null;
  };
  const finder: LifeFinder = {
    find(table, life, hint) {
      if (table.isBag) {
        const key = shadows.findKeyOfLife(table, life);
        if (key) return at(table, key, life);
      } else {
        const there = hint && hint.length === table.keySql.length ? at(table, hint, life) : null;
        if (there) return there;
        const moved = known().has(table.number) ? select.get(...params(table, life)) : undefined;
        if (moved) {
          const found = at(table, bytesToKey(bytesAt(moved, 0)), life);
          if (found) return found;
        }
      }
      const aside = asides.find(table.name, life);
      return aside ? { kind: 'aside', life: aside } : null;
    },
    moved(table, life, key) {
      if (table.isBag) return;
      insert.run(...params(table, life), keyToBytes(key));
      known().add(table.number);
    },
    notMoved(table, life) {
      if (known().has(table.number)) remove.run(...params(table, life));
    },
    hasMoved: (table) => known().has(table.number),
    dropTable(number) {
      removeTable.run(BigInt(number));
    },
    reload() {
      tablesWithMoved = null;
    },
  };
  return finder;
}
