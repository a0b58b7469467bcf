/**
 * The executable model of the merge rules: state, changesets, journal, snapshots (rules R1, R2, R9). Plain data, no
 * clock, no random. It is written for reading, not for speed, and shares no code with `src/`, so that it can judge it.
 *
 * Names are texts that sort by age: "stamp.origin.index". So `<` on two row names means "elder".
 */

import { outranks, ruleOf } from './model-columns.js';

/** The rules as they stand. A run may switch single ones off to show what breaks. */
export interface Rules {
  /** R9: a snapshot leaves a gap marker in the journal. */
  readonly gapMarkers: boolean;
  /** R1: merging advances the clock; a run may switch it off (a clock bounded in its drift). */
  readonly clockDrags: boolean;
  /** R1: a write is stamped above the value that it replaces. */
  readonly cellsGrow: boolean;
  /** R8: a confirmation only beats the very value it was made for. */
  readonly weakConfirmations: boolean;
  /** R2: deleting or re-keying a visible row also ends what is hidden behind it. */
  readonly endsWhatIsBehind: boolean;
  /** R7: a needed row never cascades; its own dead parents are revived as well. */
  readonly revivalClimbs: boolean;
  /** R4: a row that lost its natural key keeps no parent alive. */
  readonly losersDoNotNeed: boolean;
  /** R7: SET NULL is never confirmed. */
  readonly nullIsDerived: boolean;
  /** Forks: two histories of one origin are told apart before anything flows. */
  readonly forksAreSeen: boolean;
  /** Forks: a snapshot is compared again when it is merged, not only when the two servers met. */
  readonly snapshotsAreCompared: boolean;
  /** Forks: servers tell each other where histories were cut, before anything flows. */
  readonly cutsSpread: boolean;
  /** Forks: any two servers cut the younger branch; false: only the origin's own server renames, and only its own. */
  readonly anyoneCuts: boolean;
  /** Forks: of two values with one stamp the greater wins, whatever the order. */
  readonly tiesByValue: boolean;
  /** Forks: cell stamps keep their origin when a branch is renamed; false: those above the fork point are renamed too. */
  readonly stampsStay: boolean;
  /** Names of references inside cells are renamed with the lives that they mean. */
  readonly referencesFollow: boolean;
  /** Forks: rows that were drained from the same notes on both sides become one. */
  readonly doublesMerge: boolean;
  /** R8: who have removed each other leave their duties to the eldest member. */
  readonly circlesAreSettled: boolean;
  /** Removal: what a member had merged before it heard of a removal counts for all; false: only what the remover had. */
  readonly membersVouch: boolean;
  /** Columns: `max`, `min` and the first write hold; false: the higher stamp wins everywhere. */
  readonly columnRulesHold: boolean;
  /** Columns: the confirmation of a first value takes its place. */
  readonly firstYieldsToDuty: boolean;
  /** Columns: only a value that a confirmation can beat gets a suffix; else the younger row is held. */
  readonly ruledAreHeld: boolean;
  /** Counters: what is added is a cell beside the counter's own; false: the total is an ordinary cell. */
  readonly additionsAreApart: boolean;
  /** Counters: each run of a server adds to a cell of its own; false: each origin does. */
  readonly additionsAreByRun: boolean;
  /** Granularity `row`: an application writes every column of a row with one stamp. */
  readonly rowsAreWhole: boolean;
  /** Bags: each row counts, however equal to another; false: equal rows are one. */
  readonly bagsCount: boolean;
  /** Skew: what comes for an unknown table or column is kept; false: it is dropped. */
  readonly unknownWaits: boolean;
  /** Skew: what waits merges by the rule of its column. */
  readonly rulesHoldForWaiting: boolean;
  /** Skew: a table is compared only where its relatives are the same too; false: its own columns and references are asked. */
  readonly relativesDecide: boolean;
  /** No rule: whether tables of the world reference themselves and each other in circles. */
  readonly hasCircles: boolean;
  /** No rule: whether there are tables without a key. */
  readonly hasBags: boolean;
  /** No rule: whether servers lack tables and columns, until they migrate. */
  readonly hasSkew: boolean;
  /** No rule: whether columns and tables of the world have merge rules of their own. */
  readonly hasColumnRules: boolean;
  /** R5: what a younger row shows in place of its number. Tests shrink the space so that substitutes clash too. */
  readonly substitute: (row: string, key: number, attempt: number) => number;
}

export const finalRules: Rules = {
  gapMarkers: true,
  clockDrags: true,
  cellsGrow: true,
  weakConfirmations: true,
  endsWhatIsBehind: true,
  revivalClimbs: true,
  losersDoNotNeed: true,
  nullIsDerived: true,
  forksAreSeen: true,
  snapshotsAreCompared: true,
  cutsSpread: true,
  anyoneCuts: true,
  tiesByValue: true,
  stampsStay: true,
  referencesFollow: true,
  doublesMerge: true,
  circlesAreSettled: true,
  membersVouch: true,
  columnRulesHold: true,
  firstYieldsToDuty: true,
  ruledAreHeld: true,
  additionsAreApart: true,
  additionsAreByRun: true,
  rowsAreWhole: true,
  bagsCount: true,
  unknownWaits: true,
  rulesHoldForWaiting: true,
  relativesDecide: true,
  hasCircles: false,
  hasColumnRules: false,
  hasBags: false,
  hasSkew: false,
  substitute: substituteAbove(1e6),
};

/** A substitute above all numbers that applications count in, out of so many. */
export function substituteAbove(space: number): Rules['substitute'] {
  return (row, key, attempt) => 1e6 + (hashOf(`${row}/${key}`) % space) + attempt;
}

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

const pad = (n: number, width = 9): string => String(n).padStart(width, '0');
export const nameOf = (stamp: number, origin: string, index: number): string =>
  `${pad(stamp)}.${origin}.${pad(index, 3)}`;
export const stampOfName = (name: string): number => Number(name.slice(0, 9));
export const originOfName = (name: string): string => name.split('.')[1] ?? '';
export const serverOf = (origin: string): string => origin.slice(0, 1);

export const writeStamp = (stamp: number, origin: string): string => `${pad(stamp)}.${origin}.00`;
export function weakStamp(replaced: string, stamp: number, origin: string): string {
  const [s = '', o = '', weak = '0'] = replaced.split('.');
  return `${s}.${o}.${pad(Number(weak) + 1, 2)}.${pad(stamp)}.${origin}`;
}

export function hashOf(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
  return hash;
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

const copyLives = (lives: ReadonlyMap<string, ModelLife>): Map<string, ModelLife> =>
  new Map([...lives].map(([id, life]) => [id, { ...life, columns: { ...life.columns } }]));

export const covers = (vector: Vector, other: Vector): boolean =>
  Object.entries(other).every(([origin, stamp]) => (vector[origin] ?? 0) >= stamp);
const coversName = (vector: Vector, name: string): boolean => (vector[originOfName(name)] ?? 0) >= stampOfName(name);

/**
 * Merges one changeset: 'covered' when it was seen before, 'gap' when something before it is missing, 'fork' when this
 * replica has another history under the same origin (it may have written under it while its own tail came back).
 */
export function mergeChangeset(
  replica: ModelReplica,
  changeset: ModelChangeset,
): 'merged' | 'covered' | 'gap' | 'fork' {
  const { origin, stamp, prev, seen } = changeset;
  const have = replica.vector[origin] ?? 0;
  if (stamp <= have) {
    const isKnown = !replica.rules.forksAreSeen || replica.archive.has(changeset.chain);
    return isKnown ? 'covered' : 'fork';
  }
  if (isCutOff(replica, origin, stamp)) return 'covered';
  if (prev !== have) return prev < have && replica.rules.forksAreSeen ? 'fork' : 'gap';
  const needed = Object.fromEntries(Object.entries(seen).filter(([of, at]) => !isCutOff(replica, of, at)));
  if (!covers(replica.vector, needed)) {
    if (replica.rules.gapMarkers) return 'gap';
    throw new Error(`CAUSALITY broken: ${origin}:${stamp} at ${replica.server}`);
  }
  if (replica.archive.has(changeset.chain)) throw new Error(`DOUBLE: ${origin}:${stamp} merged under two names`);
  for (const change of changeset.changes) applyChange(replica, change);
  record(replica, changeset);
  if (replica.rules.clockDrags) replica.clock = Math.max(replica.clock, stamp);
  return 'merged';
}

/** The draft: nothing of a removed server is merged beyond what its remover had. */
const isCutOff = ({ rules, heirs, cutOffs }: ModelReplica, origin: string, stamp: number): boolean =>
  !rules.membersVouch && serverOf(origin) in heirs && stamp > (cutOffs[serverOf(origin)]?.[origin] ?? 0);

/** Vector, history and journal move on by one changeset. */
export function record(replica: ModelReplica, changeset: ModelChangeset): void {
  const { origin, stamp, chain } = changeset;
  replica.vector[origin] = stamp;
  replica.points.set(origin, [...(replica.points.get(origin) ?? []), { stamp, chain }]);
  replica.journal.push({ changeset });
  replica.archive.set(chain, changeset);
  replica.version++;
}

export function applyChange(replica: ModelReplica, change: Change): void {
  replica.version++;
  switch (change.kind) {
    case 'insert':
      replica.lives.set(change.life, {
        row: change.row,
        table: change.table,
        columns: knownPart(replica, change.table, change.columns),
      });
      return;
    case 'update':
      for (const id of change.lives) writeCells(replica, id, change.columns);
      return;
    case 'end':
      for (const id of change.lives) endLife(replica, id);
      return;
    case 'merge':
      setAlias(replica, change.from, change.alias);
  }
}

/** All of it, but where the rules are broken on purpose. */
function knownPart({ schema, rules }: ModelReplica, table: string, columns: Columns): Record<string, ModelCell> {
  const known = schema.find(({ name }) => name === table);
  const isKept = (column: string): boolean => rules.unknownWaits || known?.unknown?.includes(column) !== true;
  return Object.fromEntries(Object.entries(columns).filter(([column]) => isKept(column)));
}

/** A life that is absent has ended: causal delivery leaves no other reason. */
function writeCells(replica: ModelReplica, id: string, columns: Columns): void {
  const life = replica.lives.get(id);
  if (!life) return;
  for (const [column, cell] of Object.entries(knownPart(replica, life.table, columns))) {
    const current = life.columns[column];
    if (!current || outranks(replica.rules, ruleOf(tableOf(replica, life.table), column), [cell, current]))
      life.columns[column] = cell;
  }
}

/** For the rules of its columns: they hold for what waits as well. */
const tableOf = ({ settings, schema, rules }: ModelReplica, name: string): ModelTable | undefined =>
  (rules.rulesHoldForWaiting ? settings : schema).find((table) => table.name === name);

function endLife(replica: ModelReplica, id: string): void {
  const life = replica.lives.get(id);
  if (!life) return;
  replica.lives.delete(id);
  const row = rowNow(replica.aliases, life.row);
  const entry = replica.remembered.get(row) ?? { table: life.table, columns: {}, keyFrom: null };
  joinLife(replica, entry, life);
  replica.remembered.set(row, entry);
}

/** A row's values (R3): per column the highest stamp of its lives; the key from the eldest row among those merged. */
export function joinLife(replica: ModelReplica, entry: Omit<Remembered, 'table'>, life: ModelLife): void {
  const table = tableOf(replica, life.table);
  for (const [name, cell] of Object.entries(life.columns)) {
    const current = entry.columns[name];
    const rule = ruleOf(table, name);
    // Without a rule a tie goes by the age of the lives.
    const isHigher = !current || (rule ? outranks(replica.rules, rule, [cell, current]) : cell.at >= current.at);
    if (name !== 'key' && isHigher) entry.columns[name] = cell;
  }
  const current = entry.columns['key'];
  const cell = life.columns['key'];
  if (!cell) return;
  if (current && entry.keyFrom !== null) {
    if (life.row > entry.keyFrom) return;
    if (life.row === entry.keyFrom && cell.at < current.at) return;
  }
  entry.columns['key'] = cell;
  entry.keyFrom = life.row;
}

/**
 * The row that this row is part of by now. Only aliases that lead to an elder row count: renaming a branch may turn the
 * ages of two rows with one stamp, and two servers may then have merged them into each other.
 */
export function rowNow(aliases: ReadonlyMap<string, ModelAlias>, row: string): string {
  let id = row;
  for (let alias = aliases.get(id); alias && alias.to < id; alias = aliases.get(id)) id = alias.to;
  return id;
}

function setAlias(replica: ModelReplica, from: string, alias: ModelAlias): void {
  const current = replica.aliases.get(from);
  const isHigher =
    !current ||
    alias.at > current.at ||
    (replica.rules.tiesByValue && alias.at === current.at && alias.to > current.to);
  if (isHigher) replica.aliases.set(from, alias);
}

export interface Parting {
  readonly origin: string;
  /** The first changeset after the parting, on either side. */
  readonly first: readonly [Point, Point];
}

/** Where two replicas hold different histories of one origin. */
export function findFork(a: ModelReplica, b: ModelReplica): Parting | null {
  for (const [origin, points] of a.points) {
    const others = b.points.get(origin) ?? [];
    for (let i = 0; i < Math.min(points.length, others.length); i++) {
      const [x, y] = [points[i], others[i]];
      if (x && y && x.chain !== y.chain) return { origin, first: [x, y] };
    }
  }
  return null;
}

/**
 * The join of two causally closed states (R9). Equal to streaming what either side lacks. False: nothing was merged,
 * since histories part; the receiver may have written since the two compared them.
 */
export function mergeSnapshot(replica: ModelReplica, snapshot: ModelReplica): boolean {
  if (replica.rules.forksAreSeen && replica.rules.snapshotsAreCompared && findFork(replica, snapshot)) return false;
  const mine = { ...replica.vector };
  replica.version++;
  for (const id of replica.lives.keys())
    if (!snapshot.lives.has(id) && coversName(snapshot.vector, id)) endLife(replica, id);
  for (const [id, life] of copyLives(snapshot.lives)) {
    if (replica.lives.has(id)) writeCells(replica, id, life.columns);
    else if (!coversName(mine, id)) replica.lives.set(id, life);
  }
  for (const [from, alias] of snapshot.aliases) setAlias(replica, from, alias);
  for (const [origin, stamp] of Object.entries(snapshot.vector)) {
    if (stamp <= (mine[origin] ?? 0)) continue;
    replica.vector[origin] = stamp;
    replica.points.set(origin, [...(snapshot.points.get(origin) ?? [])]);
  }
  for (const [chain, changeset] of snapshot.archive)
    if (!replica.archive.has(chain)) replica.archive.set(chain, changeset);
  if (replica.rules.clockDrags) replica.clock = Math.max(replica.clock, snapshot.clock);
  if (!covers(mine, snapshot.vector)) replica.journal.push({ gap: { ...snapshot.vector } });
  return true;
}

/** What a peer with this vector may be streamed, in order; `needsSnapshot` when a gap marker stops the stream. */
export function streamFor(
  replica: ModelReplica,
  peer: Vector,
): { readonly changesets: readonly ModelChangeset[]; readonly needsSnapshot: boolean } {
  const vector: Record<string, number> = { ...peer };
  const changesets: ModelChangeset[] = [];
  for (const entry of replica.journal) {
    if ('gap' in entry) {
      if (replica.rules.gapMarkers && !covers(vector, entry.gap)) return { changesets, needsSnapshot: true };
    } else if (entry.changeset.stamp > (vector[entry.changeset.origin] ?? 0)) {
      changesets.push(entry.changeset);
      vector[entry.changeset.origin] = entry.changeset.stamp;
    }
  }
  return { changesets, needsSnapshot: !covers(vector, replica.vector) };
}

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
