import type { WaitingEntry } from '../databases/folder-calls.js';

/** Paths with the reason why they wait. Bounded by the names that they are made of, a million: then no more are counted. */
export interface WaitingList {
  put(path: string, reason: string): void;
  remove(path: string): void;
  /** Forgets what is below a folder. */
  removeBelow(folder: string): void;
  reasonAt(path: string): string | null;
  /** Names of what is told of directly in a folder. */
  namesIn(folder: string): readonly string[];
  count(): number;
  list(max: number): readonly WaitingEntry[];
}

/** A tree, so that what is below a folder is forgotten without a look at all the others. */
interface Level {
  /** Null: it is only on the way to one that is told of. */
  reason: string | null;
  inside: Map<string, Level> | null;
}

export function createWaitingList(namesMax = 1_000_000): WaitingList {
  const root: Level = { reason: null, inside: null };
  let names = 0;
  let reasons = 0;
  const clear = (level: Level): void => {
    if (level.reason !== null) reasons--;
    level.reason = null;
  };
  const clearBelow = (level: Level): void => {
    for (const below of level.inside?.values() ?? []) {
      clear(below);
      clearBelow(below);
      names--;
    }
    level.inside = null;
  };
  /** What is told of no more, and is on the way to nothing, goes. */
  const prune = (way: readonly string[], levels: readonly Level[]): void => {
    for (let at = way.length; at > 0; at--) {
      const level = levels[at];
      if (level === undefined || level.reason !== null || (level.inside?.size ?? 0) > 0) return;
      if (levels[at - 1]?.inside?.delete(way[at - 1] ?? '') === true) names--;
    }
  };
  const forget = (path: string, clearAt: (level: Level) => void): void => {
    const way = namesOf(path);
    const levels = levelsTo(root, way);
    const last = levels[way.length];
    if (last === undefined) return;
    clearAt(last);
    prune(way, levels);
  };
  return {
    put(path, reason) {
      const way = namesOf(path);
      const levels = levelsTo(root, way);
      if (names + way.length + 1 - levels.length > namesMax) return;
      for (let at = levels.length; at <= way.length; at++) {
        const made: Level = { reason: null, inside: null };
        insideOf(levels[at - 1] ?? root).set(way[at - 1] ?? '', made);
        levels.push(made);
        names++;
      }
      const last = levels[way.length] ?? root;
      if (last.reason === null) reasons++;
      last.reason = reason;
    },
    remove: (path) => forget(path, clear),
    removeBelow: (folder) => forget(folder, clearBelow),
    reasonAt: (path) => levelAt(root, path)?.reason ?? null,
    namesIn: (folder) =>
      [...(levelAt(root, folder)?.inside ?? [])].flatMap(([name, { reason }]) => (reason === null ? [] : [name])),
    count: () => reasons,
    list: (max) => [...firstOf(entriesFrom(root, null), max)],
  };
}

const insideOf = (level: Level): Map<string, Level> => (level.inside ??= new Map());

/** From the root to where a path leads, as far as there is anything. */
function levelsTo(root: Level, way: readonly string[]): Level[] {
  const levels = [root];
  for (const name of way) {
    const next = levels.at(-1)?.inside?.get(name);
    if (next === undefined) break;
    levels.push(next);
  }
  return levels;
}

function levelAt(root: Level, path: string): Level | undefined {
  const way = namesOf(path);
  return levelsTo(root, way)[way.length];
}

/** `path` is null at the root. */
function* entriesFrom(level: Level, path: string | null): Generator<WaitingEntry> {
  if (level.reason !== null) yield { path: path ?? '', reason: level.reason };
  // Not joined as paths of entries are: a sender may name what is none.
  for (const [name, below] of level.inside ?? []) yield* entriesFrom(below, path === null ? name : `${path}/${name}`);
}

function* firstOf<T>(values: Iterable<T>, max: number): Generator<T> {
  if (max <= 0) return;
  let left = max;
  for (const value of values) {
    yield value;
    if (--left === 0) return;
  }
}

/** Deeper than any entry can be, the rest of a path is one name: it may be as long as its sender likes. */
function namesOf(path: string): readonly string[] {
  if (path === '') return [];
  const names = path.split('/', levelsMax);
  const length = names.reduce((sum, name) => sum + name.length + 1, 0);
  return length > path.length ? names : [...names, path.slice(length)];
}

const levelsMax = 130;
