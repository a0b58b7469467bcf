import type { ReplacedRows } from './replaced-rows.js';
import type { TableDump } from './table-dump.js';
import type { Failure } from './world.js';

/** Watches what applications write, and judges what is shown at the end by it. It knows nothing of merging. */
export interface Witness {
  /** One committed transaction of the application of a server; `mark` is the ledger's number of it. */
  note(write: WitnessedWrite): void;
  /** All that the application of this server had written up to that mark is captured. */
  noteDrained(server: number, mark: number): void;
  judge(dumps: readonly TableDump[]): Failure | null;
}

export interface WitnessedWrite {
  readonly server: number;
  readonly mark: number;
  readonly before: readonly TableDump[];
  readonly after: readonly TableDump[];
  /** What its statements replaced, one by one. */
  readonly steps: ReplacedRows;
}
