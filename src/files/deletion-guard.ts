import type { EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { EntryTable } from '../databases/entry-table.js';

/**
 * Stops a loss from spreading: an emptied or mostly emptied folder is more often a mistake than a wish. What is held is
 * still missing here; it is neither deleted elsewhere nor put back until a person says which.
 */
export interface DeletionGuard {
  /** An entry came to a path that had none. If one of the same version vanishes elsewhere, it was moved. */
  appeared(entry: GuardedEntry): void;
  /**
   * Null when these entries may be deleted now; else why they wait. What is held once waits until a person accepts it or
   * most of it is back, whatever else is added meanwhile.
   */
  obstacle(gone: readonly GuardedEntry[], recorded: number): SyncError | null;
  /** A person said that what is missing is meant to be gone. */
  accept(): void;
  /** A person said that it is to come back: the next question is a new one. */
  answered(): void;
}

export interface GuardedEntry {
  readonly path: string;
  readonly version: EntryVersion;
}

/** Fewer deletions than this within a minute are never held, unless nothing is left. */
const heldFrom = 100;
const windowMs = 60_000;

const freshMax = 100_000;
const heldOfName = 'held-of';

interface GuardState {
  isAccepted: boolean;
  recent: { readonly atMs: number; readonly count: number }[];
  /** How many entries there were when deletions were held. */
  heldOf: number | null;
  /** How often the guard was asked: what came between two questions was found together. */
  round: number;
  /** What came lately, by path, the oldest first. */
  readonly fresh: Map<string, Fresh>;
}

interface Fresh {
  readonly atMs: number;
  readonly round: number;
  readonly version: EntryVersion;
}

export interface GuardOptions {
  readonly dataset: string;
  readonly nowMs: () => number;
  /** Remembers that deletions are held: a restart is no answer. */
  readonly table: Pick<EntryTable, 'value' | 'setValue'>;
}

export function createDeletionGuard({ dataset, nowMs, table }: GuardOptions): DeletionGuard {
  const state: GuardState = {
    isAccepted: false,
    recent: [],
    heldOf: Number(table.value(heldOfName) ?? 0) || null,
    round: 0,
    fresh: new Map(),
  };
  const holdOf = (entries: number | null): void => {
    if (state.heldOf === entries) return;
    state.heldOf = entries;
    table.setValue(heldOfName, String(entries ?? 0));
  };
  return {
    appeared({ path, version }) {
      state.fresh.delete(path);
      state.fresh.set(path, { atMs: nowMs(), round: state.round, version });
      const [oldest] = state.fresh.keys();
      if (oldest !== undefined && state.fresh.size > freshMax) state.fresh.delete(oldest);
    },
    obstacle(gone, found) {
      forgetBefore(state, nowMs() - windowMs);
      state.round++;
      const targets = targetsOf(state, gone);
      const lost = gone.length - targets.length;
      const recorded = Math.min(found, state.heldOf ?? Infinity);
      const before = state.recent.reduce((sum, { count }) => sum + count, 0);
      const isEmptied = lost >= 2 && lost >= recorded;
      const isMost = lost > 0 && lost + before >= heldFrom && (lost + before) * 2 > recorded + before;
      if (!state.isAccepted && (isEmptied || isMost)) {
        holdOf(recorded);
        return heldError(dataset, { lost, recorded, before });
      }
      holdOf(null);
      if (gone.length === 0) return null;
      // What a person meant is no sign that the next deletion is a mistake.
      if (state.isAccepted) state.recent = [];
      else state.recent.push({ atMs: nowMs(), count: lost });
      state.isAccepted = false;
      for (const path of [...targets, ...gone.map((entry) => entry.path)]) state.fresh.delete(path);
      return null;
    },
    accept: () => {
      state.isAccepted = true;
    },
    answered: () => holdOf(null),
  };
}

interface HeldCounts {
  readonly lost: number;
  readonly recorded: number;
  /** What was deleted within the minute before, and is gone elsewhere too. */
  readonly before: number;
}

function heldError(dataset: string, { lost, recorded, before }: HeldCounts): SyncError {
  const more =
    before === 0
      ? ''
      : ` ${before} more went within the minute before and are deleted everywhere; other servers have them in "usync files history".`;
  const text = `${lost} of ${recorded} entries of dataset ${dataset} are gone from the disk at once.${more}`;
  return new SyncError('USYNC-1702', text, { facts: { gone: lost, recorded } });
}

function forgetBefore(state: GuardState, since: number): void {
  state.recent = state.recent.filter(({ atMs }) => atMs > since);
  for (const [path, { atMs }] of state.fresh) {
    if (atMs > since) break;
    state.fresh.delete(path);
  }
}

/**
 * Where what is gone stands now. Each place counts once, and only for what was there before it: that one of many equal
 * files stands does not excuse the loss of the others.
 */
function targetsOf({ fresh }: GuardState, gone: readonly GuardedEntry[]): string[] {
  const isGone = new Set(gone.map(({ path }) => path));
  const sources = new Map<EntryVersion, number[]>();
  for (const { path, version } of gone) {
    const rounds = sources.get(version) ?? [];
    rounds.push(fresh.get(path)?.round ?? -1);
    sources.set(version, rounds);
  }
  // The earliest is at the end, where it is taken from.
  for (const rounds of sources.values()) rounds.sort((p, q) => q - p);
  const targets: string[] = [];
  for (const [path, { version, round }] of fresh) {
    const rounds = sources.get(version);
    const earliest = rounds?.at(-1);
    if (rounds === undefined || earliest === undefined || earliest >= round || isGone.has(path)) continue;
    rounds.pop();
    targets.push(path);
  }
  return targets;
}
