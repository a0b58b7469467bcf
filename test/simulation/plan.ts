/** What one run does, as plain data: made from a seed, made smaller by the minimiser, kept as a file when it failed. */
import type { SimulatedTable, TableChange } from './table-design.js';

export interface Plan {
  readonly seed: number;
  readonly options: RunOptions;
  readonly tables: readonly SimulatedTable[];
  readonly steps: readonly Step[];
  /** Every server runs all of them, in this order, each when it likes. */
  readonly migrations?: readonly TableChange[];
  /** New tables and columns spread by themselves. */
  readonly propagates?: boolean;
  /** What stays at home on one server: a table, or a column of it. */
  readonly leftOut?: readonly LeftOut[];
}

export interface LeftOut {
  readonly server: number;
  readonly table: number;
  readonly column?: string;
}

export interface RunOptions {
  /** At the start; steps may bring more. */
  readonly servers: number;
  /** Pairs that can talk at all; the others need an intermediary. */
  readonly links: readonly (readonly [number, number])[];
  /** `direct`: journal to merge without a session, faster; `session`: the real session over simulated channels. */
  readonly exchange: 'direct' | 'session';
  readonly journalMode: 'wal' | 'delete';
  readonly writingMs: number;
  readonly latencyMsMax: number;
  readonly drainDelayMsMax: number;
  /** Per server, how far the wall clock is off at the start. */
  readonly skewMs: readonly number[];
  readonly clockRate: readonly number[];
  readonly bytesMax: number;
  /** Journals are cut while the run goes on, so that a server that was away needs a snapshot. */
  readonly prunes: boolean;
  /** Weight of each kind of statement of the applications. */
  readonly statementWeights: Readonly<Record<StatementKind, number>>;
}

export const statementKinds = [
  'insert',
  'update',
  'delete',
  'replace',
  'upsert',
  'change-key',
  'replace-by-delete',
  'reuse-key',
  'touch',
  'update-many',
  'delete-many',
] as const;
export type StatementKind = (typeof statementKinds)[number];

export type Step = { readonly atMs: number } & StepDetail;

type StepDetail =
  | {
      readonly kind: 'write';
      readonly server: number;
      readonly seed: number;
      readonly statements: number;
      readonly rollsBack: boolean;
    }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number }
  | { readonly kind: 'heal'; readonly from: number; readonly to: number }
  | { readonly kind: 'break'; readonly from: number; readonly to: number }
  | { readonly kind: 'clock'; readonly server: number; readonly byMs: number }
  | { readonly kind: 'kill'; readonly server: number; readonly afterStatements: number; readonly downMs: number }
  | { readonly kind: 'backup'; readonly server: number }
  | { readonly kind: 'restore'; readonly server: number; readonly isNoticed: boolean; readonly downMs: number }
  | { readonly kind: 'power-loss'; readonly server: number; readonly downMs: number }
  /** The machine `to` becomes a copy of another one, and both run. Noticed: its data folder was copied, not its disk. */
  | { readonly kind: 'clone'; readonly server: number; readonly to: number; readonly isNoticed: boolean }
  /** Server number `server`, the next one, comes with rows of its own, those copied from another server first. */
  | {
      readonly kind: 'join';
      readonly server: number;
      readonly copyOf: number | null;
      readonly seed: number;
      readonly statements: number;
    }
  /** A member removes a server; it and the rest hear of it when their steps come, at the latest when the links are healed. */
  | { readonly kind: 'remove'; readonly server: number; readonly by: number }
  | { readonly kind: 'hear'; readonly server: number; readonly removed: number }
  | { readonly kind: 'schema'; readonly server: number; readonly change: TableChange }
  /** The application of this server runs the migrations of the plan up to this number. */
  | { readonly kind: 'migrate'; readonly server: number; readonly upTo: number }
  | { readonly kind: 'rebuild'; readonly server: number; readonly table: number }
  | { readonly kind: 'audit'; readonly server: number }
  | { readonly kind: 'prune'; readonly server: number };

export type StepKind = Step['kind'];
