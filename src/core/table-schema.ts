import type { ListFormat } from './reference-list.js';

/**
 * What the merge must know of a table, the same for every engine. Discovered by an adapter, never configured by hand;
 * rules that a person sets per table or column come on top.
 */
export interface TableSchema {
  readonly name: string;
  readonly columns: readonly ColumnSchema[];
  /** Names of the key columns in key order; empty for a bag (a table without a usable key). */
  readonly key: readonly string[];
  readonly keyKind: KeyKind;
  readonly references: readonly ReferenceSchema[];
  /** References that a person declared: several in one value. */
  readonly lists?: readonly ListSchema[];
  readonly uniques: readonly UniqueSchema[];
  /** What one write of an application is: the columns that it changed (`column`, also when absent), or the whole row. */
  readonly granularity?: Granularity;
}

export type Granularity = 'column' | 'row';

/** `generated`: one integer column whose numbers the engine hands out. `natural`: anything else. `bag`: no key. */
export type KeyKind = 'generated' | 'natural' | 'bag';

export interface ColumnSchema {
  readonly name: string;
  readonly declaredType: string;
  /** Generated columns are computed by the engine: neither captured nor written. */
  readonly isGenerated: boolean;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  readonly rule: ColumnRule;
  /** How the column compares text; absent: byte by byte. */
  readonly collation?: Collation;
}

/** How an engine compares text: by bytes, without ASCII case, or without trailing spaces. Unknown ones count as `binary`. */
export type Collation = 'binary' | 'nocase' | 'rtrim';

export type ColumnRule = 'column' | 'first-write-wins' | 'counter' | 'max' | 'min' | 'left-out';

/** Whether what an application wrote is judged by the value before it. */
export const isRuled = (rule: ColumnRule): boolean => rule !== 'column' && rule !== 'left-out';

/** `leave`: declared by a person, so that no foreign key says what happens; the number stays where it is. */
export type ReferenceAction = 'restrict' | 'cascade' | 'set null' | 'set default' | 'leave';

/** Numbers of rows of a table with generated keys, in one value. */
export interface ListSchema {
  readonly column: string;
  readonly parentTable: string;
  readonly parentColumn: string;
  readonly format: ListFormat;
}

export interface ReferenceSchema {
  readonly columns: readonly string[];
  readonly parentTable: string;
  readonly parentColumns: readonly string[];
  readonly onDelete: ReferenceAction;
  /** True when it points to a generated key: then changes carry the row that is meant, not its number. */
  readonly byRow: boolean;
}

export type UniquePolicy = 'merge' | 'hold' | 'rename';

export interface UniqueSchema {
  readonly name: string;
  readonly columns: readonly string[];
  readonly policy: UniquePolicy;
  /** Per part of the index where it compares otherwise than its columns do. */
  readonly collations?: readonly Collation[];
  /**
   * False: the engine computes from the row what is compared (an expression, a generated column), or whether it counts at
   * all (a condition). Then `collations` are those of what is computed, and the younger row is held whatever the policy:
   * two rows that meet in a condition need not be the same thing.
   */
  readonly isPlain: boolean;
}
