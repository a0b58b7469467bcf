import type { EntryKind } from '../core/entry.js';
import { kindOfVersion } from '../core/entry.js';
import type { PathEvent, PathState } from './decisions.js';
import type { NamedChange } from './page-calls.js';

/** What one changeset did to one entry of a folder dataset. */
export interface EntryChange {
  readonly kind: 'insert' | 'update' | 'end';
  readonly path: string;
  readonly version: string;
  readonly by: string;
  /** Changes of one changeset have the same. */
  readonly changeset: string;
  readonly stamp: number;
  readonly atMs: number;
  /** What an insert or an update says, and what the journal still knows to have stood before an end. */
  readonly state: PathState;
  readonly isEdit: boolean;
  readonly copyOf: string | null;
  readonly author: string | null;
}

/** Null for what is no event for a person: two rows that became one. */
export function entryChange(change: NamedChange): EntryChange | null {
  const { kind, key, cells, by, serverId, stamp, atMs } = change;
  if (kind === 'merge') return null;
  const value = (column: string): unknown => {
    const cell = cells.find((each) => each.column === column);
    return (kind === 'end' ? cell?.valueBefore : cell?.value) ?? null;
  };
  const text = (column: string): string | null => {
    const found = value(column);
    return typeof found === 'string' ? found : null;
  };
  const number = (column: string): number | undefined => {
    const found = value(column);
    return typeof found === 'number' ? found : undefined;
  };
  const [path, version] = [key[0] ?? text('path'), key[1] ?? text('version')];
  if (path === null || version === null) return null;
  const [size, mode, mtime] = [number('size'), number('mode'), number('mtime')];
  return {
    ...{ kind, path, version, by, stamp, atMs },
    changeset: `${serverId} ${stamp}`,
    state: {
      ...(size !== undefined && { size }),
      ...(mode !== undefined && { mode }),
      ...(mtime !== undefined && { modifiedMs: mtime / 1_000 }),
    },
    isEdit: text('base') !== null,
    copyOf: text('copy_of'),
    author: text('author'),
  };
}

/** An event with the version that it is about, and what it took away, by which a kept content is found. */
export interface FoundEvent {
  readonly event: Omit<PathEvent, 'keptAs'>;
  readonly version: string;
  readonly lost: { readonly path: string; readonly version: string } | null;
}

/**
 * What happened to the paths, newest first. An edit ends the row of the old version and inserts one of the new version,
 * a move ends a row and inserts the same version elsewhere: each is one event. In the order of stamps, so that every
 * server tells the same.
 */
export function pathEvents(changes: readonly EntryChange[]): FoundEvent[] {
  const sets = [...grouped(changes, ({ changeset }) => changeset).values()].toSorted(([a], [b]) => {
    return (a?.stamp ?? 0) - (b?.stamp ?? 0) || ((a?.changeset ?? '') < (b?.changeset ?? '') ? -1 : 1);
  });
  const known: Known = { standing: new Map(), states: new Map() };
  return withMoves(sets.flatMap((set) => eventsOf(set, known))).toReversed();
}

function grouped<T>(items: readonly T[], nameOfGroup: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(nameOfGroup(item));
    if (group) group.push(item);
    else groups.set(nameOfGroup(item), [item]);
  }
  return groups;
}

interface Known {
  /** Versions by path. */
  readonly standing: Map<string, Set<string>>;
  /** Of every version that ever stood: of two concurrent edits the second one ends what is gone already. */
  readonly states: Map<string, PathState>;
}

function eventsOf(set: readonly EntryChange[], known: Known): FoundEvent[] {
  const inserts = set.filter(({ kind }) => kind === 'insert');
  const ends = set.filter(({ kind }) => kind === 'end');
  const endsAt = grouped(ends, ({ path }) => path);
  const { standing } = known;
  for (const { path, version } of ends) standing.get(path)?.delete(version);
  const taken = new Set<EntryChange>();
  const events: FoundEvent[] = [];
  for (const insert of inserts) {
    const isKnown = standing.get(insert.path)?.has(insert.version) === true;
    keep(known, insert, insert.state);
    // The same content was put there by two servers.
    if (isKnown) continue;
    const edited = endsAt.get(insert.path)?.find((end) => !taken.has(end));
    const lost = endsAt.get(insert.copyOf ?? '')?.filter(({ version }) => version === insert.version) ?? [];
    for (const each of [edited, ...lost]) if (each) taken.add(each);
    events.push({
      event: {
        ...headOf(insert),
        kind: kindOf(insert, edited !== undefined),
        from: insert.copyOf,
        by: insert.copyOf === null ? insert.by : (insert.author ?? insert.by),
        before: edited ? stateOf(known, edited) : null,
        now: insert.state,
      },
      version: insert.version,
      lost: edited ?? null,
    });
  }
  for (const end of ends) {
    // Where another version stands, nothing was deleted: one of two edits gave way.
    if (taken.has(end) || (standing.get(end.path)?.size ?? 0) > 0) continue;
    const before = stateOf(known, end);
    const event = { ...headOf(end), kind: 'deleted' as const, from: null, before, now: null };
    events.push({ event, version: end.version, lost: end });
  }
  for (const update of set) {
    if (update.kind !== 'update' || Object.keys(update.state).length === 0 || isGone(known, update)) continue;
    const before = stateOf(known, update);
    keep(known, update, { ...before, ...update.state });
    const event = { ...headOf(update), kind: 'attributes' as const, from: null, before, now: update.state };
    events.push({ event, version: update.version, lost: null });
  }
  return events;
}

const kindOf = ({ isEdit, copyOf }: EntryChange, isEdited: boolean): PathEvent['kind'] => {
  if (copyOf !== null) return 'conflict';
  return isEdited || isEdit ? 'changed' : 'added';
};

/** A scan may see the new names before it sees that the old ones are gone: of many thousand files many seconds before. */
const moveMs = 60_000;
/** Among more files of one content nobody looks for the one that was moved. */
const equalFilesMax = 1_000;

/**
 * What one server deleted and added elsewhere with the same content at the same time was moved. Of several files of equal
 * content it is the one with the most names in common, from the last one on; where that is unclear, no move is told.
 */
function withMoves(found: readonly FoundEvent[]): FoundEvent[] {
  const nameOfContent = ({ event: { by }, version }: FoundEvent): string => `${by} ${version}`;
  const gone = grouped(
    found.filter(({ event }) => event.kind === 'deleted' && event.entry !== 'folder'),
    nameOfContent,
  );
  const taken = new Set<FoundEvent>();
  const told = found.map((each): FoundEvent => {
    if (each.event.kind !== 'added') return each;
    const near = (gone.get(nameOfContent(each)) ?? []).filter(
      (other) =>
        !taken.has(other) &&
        other.event.path !== each.event.path &&
        Math.abs(other.event.atMs - each.event.atMs) <= moveMs,
    );
    const only = near.length > equalFilesMax ? null : nearestTo(each.event.path, near);
    if (only === null) return each;
    taken.add(only);
    return { ...each, event: { ...each.event, kind: 'moved', from: only.event.path, before: only.event.before } };
  });
  return told.filter((each) => !taken.has(each));
}

function nearestTo(path: string, found: readonly FoundEvent[]): FoundEvent | null {
  let [most, nearest]: [number, FoundEvent | null] = [-1, null];
  for (const each of found) {
    const shared = sharedNames(path, each.event.path);
    if (shared === most) nearest = null;
    if (shared > most) [most, nearest] = [shared, each];
  }
  return nearest;
}

function sharedNames(path: string, other: string): number {
  const names = path.split('/').toReversed();
  const others = other.split('/').toReversed();
  const differing = names.findIndex((name, at) => name !== others[at]);
  return differing === -1 ? names.length : differing;
}

const headOf = ({ path, version, by, atMs }: EntryChange) => ({
  ...{ path, by, atMs },
  entry: (kindOfVersion(version) ?? 'file') satisfies EntryKind,
});

/** It was written at a version that another one had replaced; its server gives the mode to that one by itself. */
function isGone({ standing }: Known, { path, version }: EntryChange): boolean {
  const versions = standing.get(path);
  return versions !== undefined && versions.size > 0 && !versions.has(version);
}

const stateOf = ({ states }: Known, { path, version, kind, state }: EntryChange): PathState => ({
  ...(kind === 'end' && state),
  ...states.get(`${path}\n${version}`),
});

function keep({ standing, states }: Known, { path, version }: EntryChange, state: PathState): void {
  states.set(`${path}\n${version}`, state);
  standing.set(path, (standing.get(path) ?? new Set()).add(version));
}
