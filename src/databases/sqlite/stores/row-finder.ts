import type { LifeName } from '../../../core/life.js';
import { rowKey, type RowKey } from '../../../core/life-state.js';
import type { ReplicaContext } from './replica-context.js';
import type { Statement } from '../connection/driver.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { readCookie } from '../schema/schema-reader.js';
import type { Key } from './shadow-store.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/**
 * From names of rows to where they are shown, and back. References travel as names of rows without a key, so the
 * shadows of tables that are referenced get an index by life the first time one is looked for.
 */
export interface RowFinder {
  /** Where the row (aliases followed) is shown; null when it is not shown here. */
  keyOfRow(table: SyncedTable, row: LifeName): Key | null;
  /** All places where lives of the row are shown: more than one only until rows that are one are settled. */
  keysOfRow(table: SyncedTable, row: LifeName): Key[];
  /** Where the life is shown, whatever row it belongs to. */
  keyOfLife(table: SyncedTable, life: LifeName): Key | null;
  /** The name of the row that is shown at a key. */
  rowAtKey(table: SyncedTable, key: Key): LifeName | null;
  /** To be called for a row that was shown or moved: it is likely to be asked for next. */
  remember(table: SyncedTable, row: LifeName, key: Key): void;
  forget(table: SyncedTable, row: LifeName): void;
  clear(): void;
}

const cachedMax = 50_000;

export function createRowFinder(context: ReplicaContext): RowFinder {
  const { connection, origins, shadows, aliases } = context;
  const cache = new Map<RowKey, Key>();
  const indexed = new Set<number>();

  function keyOfLife(table: SyncedTable, life: LifeName, condition = ''): Key | null {
    ensureIndexes(table);
    const columns = shadowKeyColumns(table).join(', ');
    const sql = `SELECT ${columns}, o FROM ${table.shadowSql} WHERE s = ? AND i = ? ${condition}`;
    const origin = BigInt(origins.numberOf(life.origin));
    for (const found of connection.cached(sql).allExact(BigInt(life.stamp), BigInt(life.index))) {
      if (found.at(-1) === origin) return found.slice(0, -1);
    }
    return null;
  }

  const byRow = (table: SyncedTable): Statement =>
    connection.cached(`SELECT ${shadowKeyColumns(table).join(', ')} FROM ${table.shadowSql} WHERE r = ?`);

  const keyOfName = (table: SyncedTable, name: LifeName): Key | null =>
    keyOfLife(table, name, 'AND r IS NULL') ?? byRow(table).getExact(shadows.rowToBytes(name)) ?? null;

  function ensureIndexes(table: SyncedTable): void {
    if (indexed.has(table.number)) return;
    indexed.add(table.number);
    const sql = `_usync_s${table.number}`;
    const isCookieKnown = !hasSchemaMoved(context);
    connection.exec(`CREATE INDEX IF NOT EXISTS ${sql}_life ON ${sql} (s, i)`);
    connection.exec(`CREATE INDEX IF NOT EXISTS ${sql}_row ON ${sql} (r) WHERE r IS NOT NULL`);
    // An index of one's own sync table is no change of the application's schema.
    if (isCookieKnown) context.meta.set('cookie', readCookie(connection));
  }

  const finder: RowFinder = {
    keyOfRow(table, row) {
      const now = aliases.rowNow(table.name, row);
      const name = rowKey(table.name, now);
      const known = cache.get(name);
      if (known) return known;
      for (const each of [now, ...aliases.mergedInto(table.name, now)]) {
        const key = keyOfName(table, each);
        if (key) {
          finder.remember(table, now, key);
          return key;
        }
      }
      return null;
    },
    keysOfRow(table, row) {
      const now = aliases.rowNow(table.name, row);
      return [now, ...aliases.mergedInto(table.name, now)].flatMap((name) => {
        const key = keyOfLife(table, name, 'AND r IS NULL');
        return [...(key ? [key] : []), ...byRow(table).allExact(shadows.rowToBytes(name))];
      });
    },
    keyOfLife: (table, life) => keyOfLife(table, life),
    rowAtKey(table, key) {
      const shadow = shadows.find(table, key);
      return shadow ? aliases.rowNow(table.name, shadow.row ?? shadow.life) : null;
    },
    remember(table, row, key) {
      if (cache.size >= cachedMax) cache.clear();
      cache.set(rowKey(table.name, row), key);
    },
    forget(table, row) {
      cache.delete(rowKey(table.name, row));
      cache.delete(rowKey(table.name, aliases.rowNow(table.name, row)));
    },
    clear() {
      cache.clear();
      indexed.clear();
    },
  };
  return finder;
}
