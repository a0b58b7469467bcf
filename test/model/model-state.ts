/**
 * The executable model of the merge rules: its state. Plain data, no clock, no random. The model is written for reading, not for
 * speed, and shares no code with `src/`, so that it can judge it.
 */
import type { Rules } from './model-rules.js';

export interface ModelReference {
  readonly column: string;
  readonly to: string;
  readonly onDelete: 'cascade' | 'set null' | 'restrict';
}

export interface ModelTable {
  readonly name: string;
  /** `bag`: a table without a key. A row of it is its life. */
  readonly key: 'generated' | 'natural' | 'bag';
  readonly references: readonly ModelReference[];
  readonly uniques: readonly { readonly column: string; readonly policy: 'merge' | 'hold' | 'rename' }[];
  /** How columns merge; absent: the higher stamp wins. */
  readonly rules?: Readonly<Record<string, ModelColumnRule>>;
  /** One write of an application is the whole row. */
  readonly isByRow?: boolean;
  /** Columns that other servers have and this one does not: what comes for them waits. */
  readonly unknown?: readonly string[];
}

export type ModelColumnRule = 'counter' | 'max' | 'min' | 'first';

/** A reference to a row, or a number that dangled when it was captured. */
export type Meaning = { readonly row: string } | { readonly raw: number };

export type ModelValue = string | number | null | Meaning;

export interface ModelCell {
  readonly value: ModelValue;
  readonly at: string;
}

export type Columns = Readonly<Record<string, ModelCell>>;

export interface ModelLife {
  readonly row: string;
  readonly table: string;
  readonly columns: Record<string, ModelCell>;
}

export interface ModelAlias {
  readonly to: string;
  readonly at: string;
}

export type Change =
  | {
      readonly kind: 'insert';
      readonly life: string;
      readonly row: string;
      readonly table: string;
      readonly columns: Columns;
      readonly isRevival?: boolean;
    }
  | {
      readonly kind: 'update';
      readonly lives: readonly string[];
      readonly columns: Columns;
      /** What was added to which counter: for the judge. */
      readonly added?: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'end'; readonly lives: readonly string[]; readonly why: string }
  | { readonly kind: 'merge'; readonly from: string; readonly lives: readonly string[]; readonly alias: ModelAlias };

export type Vector = Readonly<Record<string, number>>;

export interface ModelChangeset {
  readonly origin: string;
  readonly stamp: number;
  readonly prev: number;
  readonly seen: Vector;
  readonly changes: readonly Change[];
  readonly isDuty: boolean;
  /** Hash over the origin's history up to and with this changeset. It does not change when a branch is renamed. */
  readonly chain: string;
}

/** One changeset of an origin's history. */
export interface Point {
  readonly stamp: number;
  readonly chain: string;
}

/** Last known cells of a row that ended: for people and for revivals; never decides what is visible. */
export interface Remembered {
  readonly table: string;
  readonly columns: Record<string, ModelCell>;
  keyFrom: string | null;
}

export type JournalEntry = { readonly gap: Vector } | { readonly changeset: ModelChangeset };

export interface ModelReplica {
  /** Whose replica it is: one letter. Clones share it. */
  readonly server: string;
  /** The origin that it writes under at present. */
  origin: string;
  /** The stamp of the first addition since it was opened; null: none yet. */
  run: number | null;
  /** What is known here of the tables: a migration adds to it. */
  schema: readonly ModelTable[];
  /** All rules of columns that a person has set, whether the columns are there or not. */
  readonly settings: readonly ModelTable[];
  readonly rules: Rules;
  clock: number;
  vector: Record<string, number>;
  /** Per origin its whole history, by stamp. */
  readonly points: Map<string, Point[]>;
  /** Chains at which a history was cut: the changeset with this chain starts an origin of its own. Never shrinks. */
  readonly cuts: Set<string>;
  journal: JournalEntry[];
  lives: Map<string, ModelLife>;
  aliases: Map<string, ModelAlias>;
  remembered: Map<string, Remembered>;
  /** Everybody who ever belonged to the group. */
  readonly group: readonly string[];
  /** Who was removed, and by whom; of several removers the smallest. */
  readonly heirs: Record<string, string>;
  /** What the remover had of a removed server: used only where the rules are broken on purpose. */
  readonly cutOffs: Record<string, Vector>;
  /** Every changeset that this state is made of, by chain. Not part of the rules: the checks need it. */
  readonly archive: Map<string, ModelChangeset>;
  /** Grows with every change of the state, so that a view can be kept until then. */
  version: number;
}

export function createModelReplica(
  server: string,
  schema: readonly ModelTable[],
  rules: Rules,
  group: readonly string[] = [],
): ModelReplica {
  return {
    server,
    origin: server,
    run: null,
    schema,
    settings: schema,
    rules,
    clock: 0,
    vector: {},
    points: new Map(),
    cuts: new Set(),
    journal: [],
    lives: new Map(),
    aliases: new Map(),
    remembered: new Map(),
    group,
    heirs: {},
    cutOffs: {},
    archive: new Map(),
    version: 0,
  };
}

/** An exact copy: a backup, or a clone of the machine. Whoever goes on with it opens it anew. */
export function copyReplica(replica: ModelReplica): ModelReplica {
  return {
    ...replica,
    run: null,
    vector: { ...replica.vector },
    points: new Map([...replica.points].map(([origin, points]) => [origin, [...points]])),
    cuts: new Set(replica.cuts),
    journal: [...replica.journal],
    lives: copyLives(replica.lives),
    aliases: new Map(replica.aliases),
    remembered: new Map(
      [...replica.remembered].map(([row, entry]) => [row, { ...entry, columns: { ...entry.columns } }]),
    ),
    heirs: { ...replica.heirs },
    cutOffs: { ...replica.cutOffs },
    archive: new Map(replica.archive),
  };
}

export const copyLives = (lives: ReadonlyMap<string, ModelLife>): Map<string, ModelLife> =>
  new Map([...lives].map(([id, life]) => [id, { ...life, columns: { ...life.columns } }]));

const cellsText = (columns: Columns): string =>
  Object.entries(columns)
    .map(([name, cell]) => `${name}=${JSON.stringify(cell.value)}@${cell.at}`)
    .toSorted()
    .join(' ');

/** The whole state as text: equal for equal states. */
export function stateText(replica: ModelReplica): string {
  const lives = [...replica.lives].map(([id, life]) => `${id} ${life.table} ${life.row} ${cellsText(life.columns)}`);
  const aliases = [...replica.aliases].map(([from, { to, at }]) => `${from} ${to}@${at}`);
  return `${lives.toSorted().join('\n')}\n--\n${aliases.toSorted().join('\n')}`;
}
