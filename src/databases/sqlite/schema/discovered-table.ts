import type { Affinity } from '../../../core/reference-form.js';
import type { TableSchema, UniqueSchema } from '../../../core/table-schema.js';

/** A table of the application, with what only SQLite needs to know of it. */
export interface DiscoveredTable {
  /** As declared; SQLite itself compares names without ASCII case. */
  readonly name: string;
  readonly schema: TableSchema;
  readonly storage: 'rowid' | 'without-rowid';
  /**
   * An SQL name that gives the rowid: one of `rowid`, `_rowid_`, `oid` that no column shadows, or the column that is
   * the rowid. Null: WITHOUT ROWID, or every name is shadowed.
   */
  readonly rowidName: string | null;
  /** The key is INTEGER PRIMARY KEY, another name of the rowid. */
  readonly isRowidKey: boolean;
  readonly isAutoincrement: boolean;
  /** In the order of `schema.key`. Empty for bags. */
  readonly key: readonly KeyColumn[];
  /** In the order of `schema.columns`. */
  readonly columns: readonly DiscoveredColumn[];
  /** In the order of `schema.uniques`. */
  readonly uniques: readonly DiscoveredUnique[];
  /** Triggers of the application on this table, by name. */
  readonly triggers: readonly AppTrigger[];
  /** Root page: the same after a rename, another after a rebuild. */
  readonly rootPage: number;
  /** Why this table cannot be synced, in words for a person; null when it can. */
  readonly obstacle: string | null;
  /**
   * The obstacle is that SQLite cannot write it as things are, as while a table is made anew that one of its triggers writes. Such a
   * table is not taken in; one that is synced already stays so, with all that is known of its rows, and holds merging up.
   */
  readonly isObstaclePassing: boolean;
}

export interface KeyColumn {
  readonly name: string;
  readonly collation: string;
  readonly affinity: Affinity;
  /**
   * SQLite lets a key column that is not INTEGER PRIMARY KEY hold NULL unless it is declared NOT NULL, in any number of
   * rows. Rows with NULL in the key are not synced: nothing names them.
   */
  readonly canBeNull: boolean;
}

export interface DiscoveredColumn {
  readonly name: string;
  readonly declaredType: string;
  readonly affinity: Affinity;
  /** The default as SQL text; null when there is none. */
  readonly defaultSql: string | null;
  readonly isGenerated: boolean;
}

export interface DiscoveredUnique {
  readonly schema: UniqueSchema;
  readonly indexName: string;
  /** Declared in CREATE TABLE, so it can only go with the table; otherwise a CREATE UNIQUE INDEX, which may be dropped. */
  readonly isDeclared: boolean;
  /** In the order of `schema.columns`. */
  readonly collations: readonly string[];
}

export interface AppTrigger {
  readonly name: string;
  readonly sql: string;
}

export interface DatabaseSchema {
  /** `PRAGMA schema_version`: moves with every change of any table, index, trigger, and with VACUUM. */
  readonly cookie: number;
  /** By name, in the order of names. Tables that cannot be synced are here too, with their obstacle. */
  readonly tables: readonly DiscoveredTable[];
}
