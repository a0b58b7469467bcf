/** Keeps the table true to the disk: what watching hints at is looked at, and now and then everything is. */
import { singleChunkBytesMax } from '../core/chunking/chunk-size.js';
import { folderVersion } from '../core/entry.js';
import type { SyncError } from '../core/sync-error.js';
import { captureFound } from './capture-found.js';
import type { DeletionGuard } from './deletion-guard.js';
import { isLinkInside, nameOf, parentOf } from './entry-path.js';
import type { DiskLook } from './disk-look.js';
import type { FolderContext } from './folder-context.js';
import { ignoreFile } from './ignore-rules.js';
import { reasonToLeaveOut } from './left-out.js';
import { listFolder, markVanished, readDiffering, type Differing, type Found } from './scan-folder.js';

export interface Scanner {
  /** Look at this folder (or these names in it) in the next pass. */
  markDirty(folder: string, name: string | null): void;
  markAllDirty(): void;
  /** One pass over what is dirty. Resolves with how many entries were captured. */
  pass(): Promise<number>;
  /** When the next pass is due by what waits to settle; null when nothing does. */
  readonly dueAtMs: number | null;
  /** Why deletions are held; null when none are. */
  readonly held: SyncError | null;
  /** Paths that changed a moment ago and are looked at again, once their writer may be done. */
  readonly unsettled: number;
  /** Since when a look is under way, by the monotonic clock; null between two looks. Longer than a moment, something large is read. */
  readonly lookingSinceMs: number | null;
  /** What is missing while deletions are held, by path. */
  readonly missing: readonly string[];
  /** What is held is not deleted, but placed again: the next pass does it. */
  putBack(): void;
  /** How many entries the last such pass put on the way back. */
  readonly wasPutBack: number;
}

export interface ScannerOptions {
  readonly context: FolderContext;
  readonly guard: DeletionGuard;
  /** Called before a folder is listed, so that nothing falls between the list and the watch. */
  readonly watch: (folder: string) => void;
  readonly isWatched: (folder: string) => boolean;
  readonly unwatch: (folder: string) => void;
  readonly onIgnoreFile: () => void;
  /** Entries were captured. */
  readonly onCaptured: () => void;
  /** A file that changed more recently is probably still being written. */
  readonly settleMs: number;
}

/** A file that keeps changing for this long is read as it is. */
const patienceMs = 3_000;
/** So many that vanish between two looks are a stroke: it is over when nothing has vanished for so many times of settling. */
const strokeFrom = 10;
const strokeSettles = 20;
const batchEntries = 1_000;
const batchBytes = 64 * 1024 * 1024;

interface ScanState {
  /** Null: the whole folder. */
  dirty: Map<string, Set<string> | null>;
  /** Paths that changed a moment ago, with the time when they were first seen so. */
  unsettled: Map<string, number>;
  /** The same as of the pass before: what has settled since is forgotten. */
  unsettledBefore: ReadonlyMap<string, number>;
  isAllDirty: boolean;
  dueAtMs: number | null;
  /** Until then what vanishes may be part of a stroke, and what is new a part of it that was moved. */
  strokeUntilMs: number;
  held: SyncError | null;
  missing: readonly string[];
  isPuttingBack: boolean;
  wasPutBack: number;
  /** What went while the engine stood still was looked for. */
  isFirstLookDone: boolean;
  lookingSinceMs: number | null;
}

export function createScanner(options: ScannerOptions): Scanner {
  const state: ScanState = {
    dirty: new Map(),
    unsettled: new Map(),
    unsettledBefore: new Map(),
    isAllDirty: false,
    dueAtMs: null,
    strokeUntilMs: -Infinity,
    held: null,
    missing: [],
    isPuttingBack: false,
    wasPutBack: 0,
    isFirstLookDone: false,
    lookingSinceMs: null,
  };
  return {
    markDirty: (folder, name) => markDirty(state, folder, name),
    markAllDirty: () => {
      state.isAllDirty = true;
    },
    async pass() {
      state.lookingSinceMs = options.context.system.monotonicMs();
      try {
        return await pass(options, state);
      } finally {
        state.lookingSinceMs = null;
      }
    },
    get unsettled() {
      return state.held === null ? state.unsettled.size : 0;
    },
    get lookingSinceMs() {
      return state.lookingSinceMs;
    },
    get dueAtMs() {
      return state.isAllDirty || state.dirty.size > 0 ? 0 : state.dueAtMs;
    },
    get held() {
      return state.held;
    },
    get missing() {
      return state.held === null ? [] : state.missing;
    },
    putBack() {
      state.isPuttingBack = true;
      state.isAllDirty = true;
    },
    get wasPutBack() {
      return state.wasPutBack;
    },
  };
}

function markDirty({ dirty }: ScanState, folder: string, name: string | null): void {
  const names = dirty.get(folder);
  if (names === null) return;
  if (name === null || (names?.size ?? 0) >= namesMax) dirty.set(folder, null);
  else if (names) names.add(name);
  else dirty.set(folder, new Set([name]));
}

/** Beyond this many, listing the folder costs less. */
const namesMax = 64;

interface Pass {
  readonly queue: { readonly folder: string; readonly names: ReadonlySet<string> | null }[];
  readonly isWhole: boolean;
  readonly isFirstLook: boolean;
  readonly gone: Found[];
  /** The ignore file is being written: what is new may be what it is about to leave out. */
  areRulesUnsettled: boolean;
  /** Something vanished a moment ago: more may follow. */
  isDeleting: boolean;
  /** How much was not missing at the look before. */
  newlyGone: number;
  batch: Found[];
  bytes: number;
  captured: number;
}

async function pass(options: ScannerOptions, state: ScanState): Promise<number> {
  const { context } = options;
  const isWhole = state.isAllDirty || state.held !== null;
  const nowMs = context.system.monotonicMs();
  if (isWhole || (state.dueAtMs !== null && state.dueAtMs <= nowMs)) {
    for (const path of state.unsettled.keys()) markDirty(state, parentOf(path), nameOf(path));
    state.unsettledBefore = state.unsettled;
    state.unsettled = new Map();
    // Else it stays: hints that come one after the other must not put off what was to be looked at.
    state.dueAtMs = null;
  }
  const dirty = isWhole ? new Map([['', null]]) : state.dirty;
  state.dirty = new Map();
  state.isAllDirty = false;
  const work: Pass = {
    ...{ queue: [], isWhole, isFirstLook: !state.isFirstLookDone, gone: [], batch: [], bytes: 0, captured: 0 },
    ...{ areRulesUnsettled: false, isDeleting: false, newlyGone: 0 },
  };
  for (const [folder, names] of dirty) work.queue.push({ folder, names });
  if (isWhole) for (const folder of context.table.disk.foldersGone()) work.queue.push({ folder, names: null });
  let isDone = false;
  try {
    if (isWhole) await context.scanWork.begin(context);
    await readRules(options, state, work);
    for (let next = work.queue.pop(); next; next = work.queue.pop()) await scanOne(options, state, { work, ...next });
    finish(options, state, work);
    if (isWhole && !state.isFirstLookDone) markVanished(context);
    state.isFirstLookDone ||= isWhole;
    isDone = true;
  } finally {
    context.scanWork.end(isDone);
  }
  if (state.unsettled.size > 0 && state.held === null)
    state.dueAtMs ??= context.system.monotonicMs() + options.settleMs;
  return work.captured;
}

/** What the ignore file says holds for all that is read after it, in whatever folder. */
async function readRules(options: ScannerOptions, state: ScanState, work: Pass): Promise<void> {
  const { differing } = listFolder(options.context, '', new Set([ignoreFile]));
  const written = differing.filter(({ path, look }) => path === ignoreFile && look.kind !== 'nothing');
  work.areRulesUnsettled = written.some((each) => mustSettle(options, state, { work, each }));
  if (work.areRulesUnsettled) return;
  await readSome(options, state, { work, some: written });
  flush(options, work);
}

interface OneFolder {
  readonly work: Pass;
  readonly folder: string;
  readonly names: ReadonlySet<string> | null;
}

async function scanOne(options: ScannerOptions, state: ScanState, { work, folder, names }: OneFolder): Promise<void> {
  const { context, watch } = options;
  if (names === null) watch(folder);
  const { differing, folders } = listFolder(context, folder, names);
  for (const { path, isNew, isReplaced } of folders) {
    if (isReplaced) options.unwatch(path);
    // One that was placed here is recorded, and not watched yet.
    if (isNew || isReplaced || work.isWhole || !options.isWatched(path)) work.queue.push({ folder: path, names: null });
  }
  for (let at = 0; at < differing.length || at === 0; at += readTogether) {
    await readSome(options, state, { work, some: differing.slice(at, at + readTogether) });
    await context.system.pause();
  }
}

/** So many that walking to their folder once counts, and so few that other work does not wait for long. */
const readTogether = 64;

interface SomeEntries {
  readonly work: Pass;
  readonly some: readonly Differing[];
}

async function readSome(options: ScannerOptions, state: ScanState, { work, some }: SomeEntries): Promise<void> {
  const { context } = options;
  const settled = some.filter((each) => {
    if (!mustSettle(options, state, { work, each })) return true;
    if (each.look.kind === 'nothing') work.isDeleting = true;
    return false;
  });
  const isLarge = ({ look }: Differing): boolean => look.kind === 'file' && look.size > singleChunkBytesMax;
  const small = settled.filter((each) => !isLarge(each));
  const read = context.root.together(() => small.map((each) => readDiffering(context, each)));
  for (const [index, each] of small.entries())
    takeFound(options, state, { work, path: each.path, found: (await read[index]) ?? null });
  for (const each of settled.filter(isLarge))
    takeFound(options, state, { work, path: each.path, found: await readDiffering(context, each) });
}

interface OneFound {
  readonly work: Pass;
  readonly path: string;
  readonly found: Found | null;
}

function takeFound(options: ScannerOptions, state: ScanState, { work, path, found }: OneFound): void {
  if (found === null) {
    unsettle(options, state, path);
    return;
  }
  if (found.now?.mark === '' && !hasWaitedLong(options, state, path)) return;
  state.unsettled.delete(path);
  if (found.now?.mark === '') {
    // Its writer goes on: the next version is read when that has waited as long.
    const nowMs = options.context.system.monotonicMs();
    state.unsettled.set(path, nowMs);
    state.dueAtMs ??= nowMs + options.settleMs;
  }
  if (found.isLeftOut && (found.record === null || (found.isHeldBack === true && found.record.mark === ''))) return;
  const isNoFolder = found.record?.version === folderVersion && found.now?.version !== folderVersion;
  if (isNoFolder) noneBelow(options, work, { folder: path, isLeftOut: found.isLeftOut });
  if (path === ignoreFile) options.onIgnoreFile();
  if ((found.now === null || isNoFolder) && !found.isLeftOut) {
    // What has the name of a folder comes with the end of what was in it: before, it would have to stand beside that.
    work.gone.push(found);
    return;
  }
  if (found.now !== null && found.record === null) options.guard.appeared({ path, version: found.now.version });
  work.batch.push(found);
  work.bytes += found.now?.size ?? 0;
  if (work.batch.length >= batchEntries || work.bytes >= batchBytes) flush(options, work);
}

interface OneDiffering {
  readonly work: Pass;
  readonly each: Differing;
}

/** Whether something changed so recently that its writer may not be done. */
function mustSettle(options: ScannerOptions, state: ScanState, { work, each }: OneDiffering): boolean {
  const { path, look, record } = each;
  // What vanished may be on its way to another name, or be about to be written anew: both are then found at once.
  if (look.kind === 'nothing' || leadsOut(path, look))
    return record !== null && !hasBeenGone(options, state, { work, path });
  if (work.areRulesUnsettled && record === null) return !hasWaitedLong(options, state, path);
  const isInStroke = record === null && options.context.system.monotonicMs() < state.strokeUntilMs;
  if (isInStroke) return !hasWaitedLong(options, state, path);
  if (look.kind !== 'file') return false;
  const ageMs = options.context.system.nowMs() - look.changedMs;
  // An empty file is most often one that is about to be filled.
  const settleMs = look.size === 0 ? options.settleMs * 10 : options.settleMs;
  if (ageMs < 0 || ageMs >= settleMs) return false;
  return !hasWaitedLong(options, state, path);
}

/** Such a link may have the name for a moment only. */
const leadsOut = (path: string, look: DiskLook): boolean => look.kind === 'link' && !isLinkInside(path, look.target);

interface OneGone {
  readonly work: Pass;
  readonly path: string;
}

function hasBeenGone(options: ScannerOptions, state: ScanState, { work, path }: OneGone): boolean {
  // A person has said what is to become of it.
  if (state.isPuttingBack) return true;
  const nowMs = options.context.system.monotonicMs();
  const sinceMs = state.unsettledBefore.get(path);
  if (sinceMs === undefined) work.newlyGone += 1;
  const forMs = nowMs - (sinceMs ?? nowMs);
  if (forMs >= patienceMs || (sinceMs !== undefined && forMs >= options.settleMs && nowMs >= state.strokeUntilMs))
    return true;
  unsettle(options, state, path);
  return false;
}

const isOverdue = ({ context }: ScannerOptions, state: ScanState, path: string): boolean =>
  context.system.monotonicMs() - (state.unsettledBefore.get(path) ?? -Infinity) >= patienceMs;

function hasWaitedLong(options: ScannerOptions, state: ScanState, path: string): boolean {
  unsettle(options, state, path);
  return options.context.system.monotonicMs() - (state.unsettled.get(path) ?? 0) >= patienceMs;
}

function unsettle({ context, settleMs }: ScannerOptions, state: ScanState, path: string): void {
  const nowMs = context.system.monotonicMs();
  if (!state.unsettled.has(path)) state.unsettled.set(path, state.unsettledBefore.get(path) ?? nowMs);
  state.dueAtMs ??= nowMs + settleMs;
}

interface NoFolder {
  readonly folder: string;
  /** What has its name takes no part: then nothing was deleted. */
  readonly isLeftOut: boolean;
}

/** Everything that was recorded in a folder that is one no longer. */
function noneBelow(options: ScannerOptions, work: Pass, { folder, isLeftOut }: NoFolder): void {
  options.unwatch(folder);
  for (const record of options.context.table.disk.in(folder)) {
    const isFolder = record.version === folderVersion;
    const isOut = isLeftOut || reasonToLeaveOut(options.context, record.path, isFolder) !== null;
    (isOut ? work.batch : work.gone).push({ path: record.path, record, now: null, isLeftOut: isOut });
    if (isFolder) noneBelow(options, work, { folder: record.path, isLeftOut: isOut });
  }
}

/** Peers begin with what is captured while the rest is still read. */
function flush({ context, onCaptured }: ScannerOptions, work: Pass): void {
  if (work.batch.length === 0) return;
  const captured = captureFound(context, work.batch, { isFirstLook: work.isFirstLook });
  work.captured += captured;
  if (captured > 0) onCaptured();
  work.batch = [];
  work.bytes = 0;
}

/** What is missing is wanted as before: only that it stands here is forgotten. */
function putBack({ context: { table }, guard }: ScannerOptions, state: ScanState, { gone }: Pass): void {
  table.atomically(() => {
    for (const { path } of gone) {
      table.disk.remove(path);
      table.rows.mark(path);
    }
  });
  guard.answered();
  // The next time that one of them vanishes is another one.
  for (const { path } of gone) state.unsettled.delete(path);
  state.unsettledBefore = new Map(state.unsettled);
  state.held = null;
  state.isPuttingBack = false;
  state.wasPutBack = gone.length;
}

function noteStroke({ context, settleMs }: ScannerOptions, state: ScanState, { newlyGone }: Pass): void {
  const nowMs = context.system.monotonicMs();
  if (newlyGone >= (nowMs < state.strokeUntilMs ? 1 : strokeFrom))
    state.strokeUntilMs = nowMs + settleMs * strokeSettles;
}

/** While something vanishes, what vanished before it waits for it, but not for ever: some applications always delete something. */
function mayBeMore(options: ScannerOptions, state: ScanState, { gone }: Pass): boolean {
  if (gone.some(({ path }) => state.unsettledBefore.has(path) && isOverdue(options, state, path))) return false;
  return gone.length === 0 || gone.some(({ path }) => !isOverdue(options, state, path));
}

/**
 * Deletions come last, so that what was moved is at its new place already when it vanishes from the old one; in one
 * transaction with what is new, unless that was too much.
 */
function finish(options: ScannerOptions, state: ScanState, work: Pass): void {
  const { context, guard } = options;
  if (state.isPuttingBack) {
    putBack(options, state, work);
    flush(options, work);
    return;
  }
  noteStroke(options, state, work);
  if (work.isDeleting && mayBeMore(options, state, work)) {
    // Deletions of one stroke are judged together: that none of them counts yet answers nothing that was asked before.
    for (const { path } of work.gone) unsettle(options, state, path);
    flush(options, work);
    return;
  }
  const gone = work.gone.flatMap(({ record, now }) =>
    record === null || record.isKept || now !== null ? [] : [record],
  );
  const held = guard.obstacle(gone, context.table.disk.count());
  if (held !== null) {
    state.held = held;
    state.missing = gone.map(({ path }) => path).toSorted();
    // Still gone at the next look, it is judged at once.
    for (const { path } of work.gone) state.unsettled.set(path, -Infinity);
  } else {
    if (work.isWhole && !work.isDeleting) state.held = null;
    work.batch.push(...work.gone);
  }
  flush(options, work);
}
