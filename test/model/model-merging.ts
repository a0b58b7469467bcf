/** Merging one changeset in the model: stamps and order, changes, and what a row is (rules R1 to R3). */
import { outranks, ruleOf } from './model-columns.js';
import { originOfName, serverOf, stampOfName } from './model-names.js';
import type {
  Change,
  Columns,
  ModelAlias,
  ModelCell,
  ModelChangeset,
  ModelLife,
  ModelReplica,
  ModelTable,
  Remembered,
  Vector,
} from './model-state.js';

export const covers = (vector: Vector, other: Vector): boolean =>
  Object.entries(other).every(([origin, stamp]) => (vector[origin] ?? 0) >= stamp);

export const coversName = (vector: Vector, name: string): boolean =>
  (vector[originOfName(name)] ?? 0) >= stampOfName(name);

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
export function writeCells(replica: ModelReplica, id: string, columns: Columns): void {
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

export function endLife(replica: ModelReplica, id: string): void {
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

export function setAlias(replica: ModelReplica, from: string, alias: ModelAlias): void {
  const current = replica.aliases.get(from);
  const isHigher =
    !current ||
    alias.at > current.at ||
    (replica.rules.tiesByValue && alias.at === current.at && alias.to > current.to);
  if (isHigher) replica.aliases.set(from, alias);
}
