/** What really happened, told from changesets: the judge's memory, which no replica has. */
import type { ModelChangeset } from './model-state.js';

export interface Facts {
  readonly rowOfLife: Map<string, string>;
  readonly deleted: Set<string>;
  readonly cascaded: Set<string>;
  readonly revived: Set<string>;
  readonly mergedInto: Map<string, string>;
  /** Lives of rows that were merged into others. */
  readonly moved: Set<string>;
}

export const emptyFacts = (): Facts => ({
  rowOfLife: new Map(),
  deleted: new Set(),
  cascaded: new Set(),
  revived: new Set(),
  mergedInto: new Map(),
  moved: new Set(),
});

export function factsOf(changesets: Iterable<ModelChangeset>): Facts {
  const facts = emptyFacts();
  const all = [...changesets];
  for (const { changes } of all)
    for (const change of changes) if (change.kind === 'insert') facts.rowOfLife.set(change.life, change.row);
  for (const changeset of all) addFacts(facts, changeset);
  return facts;
}

export function addFacts(facts: Facts, { changes }: Pick<ModelChangeset, 'changes'>): void {
  for (const change of changes) {
    if (change.kind === 'insert') {
      facts.rowOfLife.set(change.life, change.row);
      if (change.isRevival) facts.revived.add(change.row);
    } else if (change.kind === 'end') {
      const ended = change.why === 'cascade' ? facts.cascaded : facts.deleted;
      for (const life of change.lives) ended.add(facts.rowOfLife.get(life) ?? '');
    } else if (change.kind === 'merge') {
      const [from, to] = [classOf(facts, change.from), classOf(facts, change.alias.to)];
      if (from !== to) facts.mergedInto.set(from, to);
      for (const life of change.lives) facts.moved.add(life);
    }
  }
}

/** All rows that were merged with each other have one class. */
export function classOf({ mergedInto }: Facts, row: string): string {
  let at = row;
  for (let next = mergedInto.get(at); next !== undefined; next = mergedInto.get(at)) at = next;
  return at;
}

/** Somebody deleted this row, or a row that it was merged with. */
export function isGone(facts: Facts, row: string | null): boolean {
  if (row === null) return false;
  const own = classOf(facts, row);
  return [...facts.deleted, ...facts.cascaded].some((gone) => gone === row || classOf(facts, gone) === own);
}
