/**
 * Forks: two histories under one origin, after a restored backup that nobody noticed, or of two clones. Every changeset
 * has a chain hash over the history before it, so a history is a path in a tree, and two servers can find where theirs
 * part. The rule: *at a parting the younger branch is cut*: its first changeset starts an origin whose name is made of
 * that changeset's chain. Whoever holds the branch renames it in the same way, without asking anyone; a cut, once known,
 * is told to every peer before anything flows.
 */
import { hashOf, originOfName, serverOf, stampOfName } from './model-names.js';
import { findFork, type Parting } from './model-snapshots.js';
import type {
  Change,
  Columns,
  JournalEntry,
  ModelCell,
  ModelChangeset,
  ModelReplica,
  Point,
  Vector,
} from './model-state.js';
import { renamedAddition } from './model-columns.js';

/** Brings two replicas that meet to one naming. False: their histories part and nothing may flow. */
export function agreeOnNames(a: ModelReplica, b: ModelReplica): boolean {
  if (!a.rules.forksAreSeen) return true;
  for (;;) {
    if (a.rules.cutsSpread) for (const [from, to] of [[a, b] as const, [b, a] as const]) shareCuts(from, to);
    const fork = findFork(a, b);
    if (!fork) return true;
    if (!cut(a, b, fork)) return false;
  }
}

function shareCuts(from: ModelReplica, to: ModelReplica): void {
  for (const chain of from.cuts) to.cuts.add(chain);
  applyCuts(to);
}

const isYounger = (x: Point, y: Point): boolean => x.stamp > y.stamp || (x.stamp === y.stamp && x.chain > y.chain);

function cut(a: ModelReplica, b: ModelReplica, { origin, first: [x, y] }: Parting): boolean {
  if (a.rules.anyoneCuts) {
    const { chain } = isYounger(x, y) ? x : y;
    for (const replica of [a, b]) replica.cuts.add(chain);
  } else {
    const owner = [a, b].findIndex((replica) => replica.server === serverOf(origin));
    if (owner < 0) return false;
    (owner === 0 ? a : b).cuts.add((owner === 0 ? x : y).chain);
  }
  applyCuts(a);
  applyCuts(b);
  return true;
}

/** The origin that a cut branch goes by: the same on every server that holds it. */
const branchName = (origin: string, chain: string): string => `${serverOf(origin)}${hashOf(chain).toString(36)}`;

function applyCuts(replica: ModelReplica): void {
  // Renaming adds origins: those need no look.
  for (const [origin, points] of Array.from(replica.points)) {
    // From the end: a branch that was cut twice falls into two origins.
    for (let i = points.length - 1; i >= 0; i--) {
      const point = points[i];
      if (!point || !replica.cuts.has(point.chain)) continue;
      const to = branchName(origin, point.chain);
      if (to === origin) continue;
      renameBranch(replica, { origin, from: point.stamp, before: points[i - 1]?.stamp ?? 0, to });
      points.splice(i);
    }
  }
}

interface Renaming {
  readonly origin: string;
  /** Stamp of the first changeset of the branch, and of the one before it. */
  readonly from: number;
  readonly before: number;
  readonly to: string;
}

/**
 * A history is a line, so every name of this origin from this stamp on belongs to the branch: names are renamed by
 * their stamp alone. Stamps of cells stay as they are: they are times, a late drain writes earlier ones and a raised
 * one is later, so they do not tell which changeset wrote them.
 */
function renameBranch(replica: ModelReplica, renaming: Renaming): void {
  const { origin, to } = renaming;
  const points = replica.points.get(origin) ?? [];
  if (replica.points.has(to)) throw new Error(`NAMES: ${to} is known already at ${replica.server}`);
  replica.points.set(
    to,
    points.filter((point) => point.stamp >= renaming.from),
  );
  if (replica.origin === origin) replica.origin = to;
  replica.vector = renamedVector(replica.vector, renaming);
  replica.lives = new Map(
    [...replica.lives].map(([id, life]) => [
      renamedName(id, renaming),
      { ...life, row: renamedName(life.row, renaming), columns: renamedColumns(life.columns, renaming, replica) },
    ]),
  );
  replica.aliases = new Map(
    [...replica.aliases].map(([from, alias]) => [
      renamedName(from, renaming),
      { ...alias, to: renamedName(alias.to, renaming) },
    ]),
  );
  replica.remembered = new Map(
    [...replica.remembered].map(([row, entry]) => [
      renamedName(row, renaming),
      {
        ...entry,
        columns: { ...renamedColumns(entry.columns, renaming, replica) },
        keyFrom: entry.keyFrom && renamedName(entry.keyFrom, renaming),
      },
    ]),
  );
  for (const [chain, changeset] of replica.archive)
    replica.archive.set(chain, renamedChangeset(changeset, renaming, replica));
  replica.journal = replica.journal.map((entry) => renamedEntry(entry, renaming, replica));
  replica.version++;
}

const renamedName = (name: string, { origin, from, to }: Renaming): string =>
  originOfName(name) === origin && stampOfName(name) >= from ? name.replace(`.${origin}.`, `.${to}.`) : name;

function renamedVector(vector: Vector, { origin, from, before, to }: Renaming): Record<string, number> {
  const stamp = vector[origin] ?? 0;
  return stamp >= from ? { ...vector, [origin]: before, [to]: stamp } : { ...vector };
}

function renamedColumns(columns: Columns, renaming: Renaming, replica: ModelReplica): Record<string, ModelCell> {
  return Object.fromEntries(
    Object.entries(columns).map(([column, { value, at }]): [string, ModelCell] => {
      const name = renamedAddition(column, (run) => renamedName(run, renaming));
      const stamp = replica.rules.stampsStay ? at : renamedName(at, renaming);
      const isFollowed = replica.rules.referencesFollow || name.startsWith('meant_');
      if (typeof value === 'object' && value !== null && 'row' in value && isFollowed)
        return [name, { value: { row: renamedName(value.row, renaming) }, at: stamp }];
      return [name, { value, at: stamp }];
    }),
  );
}

function renamedEntry(entry: JournalEntry, renaming: Renaming, replica: ModelReplica): JournalEntry {
  return 'gap' in entry
    ? { gap: renamedVector(entry.gap, renaming) }
    : { changeset: renamedChangeset(entry.changeset, renaming, replica) };
}

function renamedChangeset(changeset: ModelChangeset, renaming: Renaming, replica: ModelReplica): ModelChangeset {
  const { origin, from, to } = renaming;
  const isOfBranch = changeset.origin === origin && changeset.stamp >= from;
  return {
    ...changeset,
    origin: isOfBranch ? to : changeset.origin,
    prev: isOfBranch && changeset.prev < from ? 0 : changeset.prev,
    seen: renamedVector(changeset.seen, renaming),
    changes: changeset.changes.map((change) => renamedChange(change, renaming, replica)),
  };
}

function renamedChange(change: Change, renaming: Renaming, replica: ModelReplica): Change {
  const name = (each: string): string => renamedName(each, renaming);
  switch (change.kind) {
    case 'insert':
      return {
        ...change,
        life: name(change.life),
        row: name(change.row),
        columns: renamedColumns(change.columns, renaming, replica),
      };
    case 'update':
      return { ...change, lives: change.lives.map(name), columns: renamedColumns(change.columns, renaming, replica) };
    case 'end':
      return { ...change, lives: change.lives.map(name) };
    case 'merge':
      return {
        ...change,
        from: name(change.from),
        lives: change.lives.map(name),
        alias: { ...change.alias, to: name(change.alias.to) },
      };
  }
}
