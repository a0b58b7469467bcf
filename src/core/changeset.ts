/**
 * The changeset: the atom that travels. In memory it is a header and blocks of equal shape, column by column, because
 * that is how it is encoded, and because a block of 200,000 rows must not become millions of small objects.
 *
 * A block belongs to one table and one kind of change. Columns are named, never numbered, so that servers with
 * different schemas understand each other. `values[c][i]` is column `columns[c]` of change `i`, and likewise
 * `keys[k][i]` is key column `keyColumns[k]`.
 */
import type { CellStamp } from './cell-stamp.js';
import type { LifeName } from './life.js';
import type { OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { CellValue, SqlValue } from './value.js';
import type { ChainHash, VersionVector } from './version-vector.js';

export interface ChangesetHeader {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  /** Stamp of the changeset of this origin before this one; 0 for the first. */
  readonly prev: Stamp;
  /** Chain hash of this origin at `prev`. */
  readonly prevChain: ChainHash;
  /**
   * What the origin's vector gained since its changeset before this one (rule R1.2 needs no more on the wire). With
   * chains, so that what was written on one history of a forked origin is never merged on another.
   */
  readonly seen: VersionVector;
  /** Confirmations (rule R8), not an application's writes. */
  readonly isDuty: boolean;
}

/** Stamps that differ from the block's rule (row time, changeset's origin), by change then column position. Mostly absent. */
export type CellStampExceptions = ReadonlyMap<number, ReadonlyMap<number, CellStamp>>;

interface Block {
  readonly table: string;
  readonly count: number;
}

/** New lives. The life of change `i` is (changeset's stamp, changeset's origin, `indexes[i]`). */
export interface InsertBlock extends Block {
  readonly kind: 'insert';
  readonly columns: readonly string[];
  readonly indexes: readonly number[];
  /** The row that a life belongs to where it is not named after the life itself (revivals, adopted rows). */
  readonly rows: ReadonlyMap<number, LifeName>;
  /** Per change, the stamp of its cells; their origin is the changeset's. */
  readonly times: readonly Stamp[];
  readonly cellStamps: CellStampExceptions;
  readonly values: readonly (readonly CellValue[])[];
}

/** New cells for living rows. `keys` is where the origin saw the row: a hint to find it fast, never its identity. */
export interface UpdateBlock extends Block {
  readonly kind: 'update';
  readonly columns: readonly string[];
  readonly lives: readonly (readonly LifeName[])[];
  readonly keyColumns: readonly string[];
  readonly keys: readonly (readonly SqlValue[])[];
  readonly times: readonly Stamp[];
  readonly cellStamps: CellStampExceptions;
  readonly values: readonly (readonly CellValue[])[];
}

export type EndReason = 'delete' | 'cascade' | 'rekey';

/** Lives that ended. */
export interface EndBlock extends Block {
  readonly kind: 'end';
  readonly why: EndReason;
  readonly lives: readonly (readonly LifeName[])[];
  readonly keyColumns: readonly string[];
  readonly keys: readonly (readonly SqlValue[])[];
}

/** From now on row `from` is part of the elder row `to` (rule R6). Moves no value. */
export interface MergeBlock extends Block {
  readonly kind: 'merge';
  readonly from: readonly LifeName[];
  readonly to: readonly LifeName[];
  readonly at: readonly CellStamp[];
}

export type ChangeBlock = InsertBlock | UpdateBlock | EndBlock | MergeBlock;

export interface Changeset {
  readonly header: ChangesetHeader;
  readonly blocks: readonly ChangeBlock[];
}

/** One encoded piece of a changeset. The bytes are journaled and relayed as they were received. */
export interface ChangesetPart {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  /** From 0; part 0 holds the header. */
  readonly part: number;
  readonly isLast: boolean;
  readonly bytes: Uint8Array;
}
