import type { SqlValue } from '../../../core/value.js';
import type { Connection } from '../connection/driver.js';

/** Names of what `_usync_meta` holds. Vectors are JSON: origin -> [stamp, chain]. */
export type MetaName =
  | 'format'
  | 'database'
  | 'origin'
  | 'clock'
  | 'cursor'
  | 'cookie'
  | 'landing'
  | 'tail'
  | 'isFounded'
  | 'pending-reconcile'
  | 'pending-settle'
  | 'lost-tables'
  | 'lost-columns'
  | 'untold-tables'
  | 'renames'
  | 'migrated'
  | 'tables-text'
  | 'schema-known'
  | 'schema-came'
  | 'schema-untold'
  | 'known-values'
  | 'heirs'
  | 'lane'
  | 'canary'
  | 'conflicts-forgotten'
  | 'too-large';

/** Small facts of the replica by name, cached. */
export interface MetaStore {
  text(name: MetaName): string | null;
  number(name: MetaName): number | null;
  /** False until the first question after opening or a failure: the answer comes from the file then. */
  readonly isLoaded: boolean;
  set(name: MetaName, value: string | number | null): void;
  /** Whether the file still holds what is known of it. Nobody else writes these. */
  isAsStored(): boolean;
  reload(): void;
}

export function createMetaStore(connection: Connection): MetaStore {
  const all = connection.prepare('SELECT name, value FROM _usync_meta');
  const write = connection.prepare(
    'INSERT INTO _usync_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const remove = connection.prepare('DELETE FROM _usync_meta WHERE name = ?');
  let valueByName: Map<string, SqlValue> | null = null;
  const read = (): Map<string, SqlValue> => new Map(all.all().map((row) => [String(row[0]), row[1] ?? null]));
  const values = (): Map<string, SqlValue> => (valueByName ??= read());
  return {
    text(name) {
      const value = values().get(name) ?? null;
      if (typeof value === 'bigint') return value.toString();
      return typeof value === 'string' ? value : null;
    },
    number(name) {
      const value = values().get(name) ?? null;
      return value === null ? null : Number(value);
    },
    get isLoaded() {
      return valueByName !== null;
    },
    set(name, value) {
      const stored: SqlValue = typeof value === 'number' ? BigInt(value) : value;
      if ((values().get(name) ?? null) === stored) return;
      if (stored === null) remove.run(name);
      else write.run(name, stored);
      values().set(name, stored);
    },
    isAsStored() {
      if (valueByName === null) return true;
      const stored = read();
      for (const name of new Set([...stored.keys(), ...valueByName.keys()]))
        if ((stored.get(name) ?? null) !== (valueByName.get(name) ?? null)) return false;
      return true;
    },
    reload() {
      valueByName = null;
    },
  };
}
