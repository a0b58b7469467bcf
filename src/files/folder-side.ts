/**
 * The disk's side of one folder dataset: what applications do in the folder is written into the table, and what merging
 * wrote into the table is placed in the folder. One loop does both in turn; all of it runs in one thread.
 */
import { errorMessageOf, SyncError } from '../core/sync-error.js';
import type { HistoryBounds } from '../databases/entry-table.js';
import { randomHex } from '../system/random.js';
import { createContentHandles } from './content-handles.js';
import { createContentGetter } from './content-getter.js';
import { readContents } from './content-reader.js';
import { createDeletionGuard, type DeletionGuard } from './deletion-guard.js';
import { nameOf, parentOf, stateFolder } from './entry-path.js';
import { probeModes } from './disk-modes.js';
import { entriesIn, readFileContent } from './folder-access.js';
import type { FolderContext } from './folder-context.js';
import { createNewsTeller, type NewsTeller } from './folder-news.js';
import type { FolderSide, FolderSideOptions } from './folder-side-contract.js';
import { folderStatus, leftOutEntries, waitingEntries, type FolderLook } from './folder-status.js';
import { createFolderWatch, type FolderWatch } from './folder-watch.js';
import { adoptStrayHistory } from './adopt-stray-history.js';
import { pruneGrown, pruneHistory } from './history-keeper.js';
import { metEntries } from './met-entries.js';
import { createIgnoreRules, defaultIgnores, ignoreFile } from './ignore-rules.js';
import { probeNameFolding } from './name-folding.js';
import { createLostContents } from './lost-contents.js';
import { createPlacer, type Placer } from './placer.js';
import { unportableNames } from './portable-names.js';
import { createProtectedFiles } from './protected-files.js';
import { recoverPlacing } from './recover-placing.js';
import { restoreCopy, restoreHistory } from './restore-file.js';
import { refuseLeftOut } from './refuse-left-out.js';
import { openRootFolder, type RootFolder } from './root-folder.js';
import { createScanWork } from './scan-work.js';
import { createScanner, type Scanner } from './scanner.js';
import { mendStateFolder, prepareStateFolder, readFolderId, writeFolderId } from './state-folder.js';
import { createWaitingList } from './waiting-list.js';
import { readText } from './whole-file.js';
import { isKnownAt, removeFile, writeFile } from './write-file.js';

interface OpenSide {
  readonly context: FolderContext;
  readonly watch: FolderWatch;
  readonly scanner: Scanner;
  readonly placer: Placer;
}

interface SideState {
  opened: OpenSide | null;
  readonly guard: DeletionGuard;
  readonly news: NewsTeller;
  working: Promise<void>;
  problem: SyncError | null;
  /** What came while a round was under way. */
  mustPlace: boolean;
  wakeAtMs: number;
  cancelWake: () => void;
  retryMs: number;
  rescanAtMs: number;
  isClosed: boolean;
}

const retryFirstMs = 250;
const retryMaxMs = 30_000;

export function createFolderSide(options: FolderSideOptions): FolderSide {
  const { table, system } = options;
  const state: SideState = {
    opened: null,
    guard: createDeletionGuard({ dataset: options.dataset, nowMs: () => system.monotonicMs(), table }),
    news: createNewsTeller(table.conflicts, options.onNews ?? (() => undefined)),
    working: Promise.resolve(),
    problem: null,
    mustPlace: true,
    wakeAtMs: Infinity,
    cancelWake: () => undefined,
    retryMs: retryFirstMs,
    rescanAtMs: 0,
    isClosed: false,
  };
  const settle = (): Promise<void> => inTurn(state, () => goRound(options, state));
  return {
    async open() {
      state.isClosed = false;
      await inTurn(state, () => openSide(options, state)).catch((error: unknown) => {
        if (!(error instanceof SyncError) || !['USYNC-1700', 'USYNC-1701'].includes(error.code)) throw error;
        state.problem = error;
      });
      wakeAt(options, state, 0);
    },
    onTable() {
      state.mustPlace = true;
      state.retryMs = retryFirstMs;
      wakeAt(options, state, 0);
    },
    settle,
    rescan() {
      state.opened?.scanner.markAllDirty();
      return settle();
    },
    read: (requests) => readContents(openedOf(options, state).context, requests),
    status: () => folderStatus(table, lookOf(state, options)),
    waiting: (max) => waitingEntries(table, state.opened?.context.waiting ?? null, max),
    meet: (chunk) => metEntries(options.table.rows, chunk),
    leftOut: (max) => (state.opened ? leftOutEntries(state.opened.context, max) : []),
    unportable: (max) => unportableNames(table.rows, max),
    missing: (max) => (state.opened?.scanner.missing ?? []).slice(0, max),
    copies: (max) => table.rows.copies(max),
    conflicts: (max) => table.conflicts.list(max),
    forgetConflicts: (noticedBeforeMs) => table.conflicts.forgetBefore(noticedBeforeMs),
    conflictsForgotten: () => table.conflicts.forgotten(),
    history: (request) => table.history.list(request),
    async restore(id) {
      const record = table.history.byId(id);
      const { opened } = state;
      if (record === null || opened === null)
        throw new SyncError('USYNC-1704', `The history of ${options.dataset} has no file ${id}.`);
      await restoreWith(options, state, { path: record.path, work: (context) => restoreHistory(context, record) });
      return record;
    },
    async restoreCopy(path) {
      const copy = table.rows.at(path).find(({ copyOf }) => copyOf !== null);
      if (copy === undefined || copy.copyOf === null) throw new SyncError('USYNC-1800', `${path} is no conflict copy.`);
      await restoreWith(options, state, { path: copy.copyOf, work: (context) => restoreCopy(context, copy) });
    },
    accept: () => inTurn(state, () => accept(options, state)),
    putBack: () => putBack(options, state),
    ...accessCalls(options, state, settle),
    async close() {
      state.isClosed = true;
      state.cancelWake();
      await inTurn(state, () => Promise.resolve(closeSide(state)));
    },
  };
}

type AccessCalls = Pick<FolderSide, 'entries' | 'files' | 'content' | 'write' | 'remove'>;

/** What programs do in the folder through this server. */
function accessCalls(options: FolderSideOptions, state: SideState, settle: () => Promise<void>): AccessCalls {
  const { table } = options;
  return {
    entries: (folder, max) => entriesIn(openedOf(options, state).context, folder, max),
    files: ({ after, max }) => table.rows.filesAfter(after, max),
    content: (request) => readFileContent(openedOf(options, state).context, request),
    async write(path, bytes) {
      const hash = await whenKnown(options, state, { path, work: (context) => writeFile(context, path, bytes) });
      await look(openedOf(options, state).context, path, settle);
      return hash;
    },
    async remove(path) {
      await whenKnown(options, state, { path, work: (context) => removeFile(context, path) });
      await look(openedOf(options, state).context, path, settle);
    },
  };
}

interface Writing<T> {
  readonly path: string;
  readonly work: (context: FolderContext) => T;
}

/** What no scan has seen yet would be in no history: it is looked at first, and once more when its writer may be done. */
async function whenKnown<T>(options: FolderSideOptions, state: SideState, { path, work }: Writing<T>): Promise<T> {
  const { system, settleMs } = options;
  refuseLeftOut(openedOf(options, state).context, path);
  const untilMs = system.monotonicMs() + knownWithinMs;
  for (let tries = 0; ; tries++) {
    const done = await inTurn(state, async () => {
      const { context } = openedOf(options, state);
      const isJudged = tries > 0 && context.leftOut.reasonAt(path) !== null;
      const isLast = system.monotonicMs() >= untilMs;
      checkState(options, context.root);
      return isJudged || isLast || isKnownAt(context, path) ? { result: work(context) } : null;
    });
    if (done !== null) return done.result;
    if (tries > 0) await new Promise<void>((resolve) => system.after(Math.min(settleMs + 5, 100), resolve));
    openedOf(options, state).context.dirty(parentOf(path), nameOf(path));
    await inTurn(state, () => goRound(options, state));
  }
}

/** How long an upload waits for another writer of the same file. */
const knownWithinMs = 2_000;

function openedOf({ dataset }: FolderSideOptions, { opened }: SideState): OpenSide {
  if (opened !== null) return opened;
  throw new SyncError('USYNC-1002', `The folder of dataset ${dataset} is not open at the moment.`);
}

/** What was done is looked at now, not when the system hints at it. A folder made on the way is one more to look at. */
async function look(context: FolderContext, path: string, settle: () => Promise<void>): Promise<void> {
  for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) context.dirty(folder, null);
  context.dirty(parentOf(path), nameOf(path));
  context.dirty('', null);
  await settle();
}

/** One round at a time, in the order asked for. */
function inTurn<T>(state: SideState, work: () => Promise<T>): Promise<T> {
  const result = state.working.then(work);
  state.working = result.then(
    () => undefined,
    () => undefined,
  );
  return result;
}

async function openSide(options: FolderSideOptions, state: SideState): Promise<void> {
  closeSide(state);
  const root = openRootFolder(options.disk, options.path);
  try {
    checkIdentity(options, root);
    prepareStateFolder(root);
    markFolder(options, root);
  } catch (error) {
    root.close();
    throw error;
  }
  const opened = assemble(options, state, root);
  state.opened = opened;
  loadRules(options, opened);
  await adoptStrayHistory(opened.context);
  await recoverPlacing(opened.context);
  opened.scanner.markAllDirty();
  state.problem = null;
}

/** A folder that was synced before carries the id that is remembered; anything else is not that folder. */
function checkIdentity({ table, dataset, path }: FolderSideOptions, root: RootFolder): void {
  const remembered = table.value('folder');
  if (remembered === null || readFolderId(root) === remembered) return;
  throw new SyncError('USYNC-1701', `${path} is not the folder that dataset ${dataset} was synced with.`);
}

/** Throws for another folder than the one that was opened; what Universal Sync needs in it is made again. */
function checkState(options: FolderSideOptions, root: RootFolder): void {
  if (readFolderId(root) !== options.table.value('folder')) checkIdentity(options, root);
  mendStateFolder(root);
}

/** The mark is remembered when it stands on the disk for good: a crash between leaves a mark that is remembered later. */
function markFolder({ table, system }: FolderSideOptions, root: RootFolder): void {
  const remembered = table.value('folder');
  const found = readFolderId(root);
  const id = remembered ?? found ?? randomHex(system, 16);
  if (found !== id) writeFolderId(root, id);
  if (remembered === null) table.setValue('folder', id);
}

function assemble(options: FolderSideOptions, state: SideState, root: RootFolder): OpenSide {
  const { dataset, table, system, author } = options;
  const box: { opened: OpenSide | null } = { opened: null };
  const dirty = (folder: string, name: string | null): void => {
    if (folder === stateFolder || folder.startsWith(`${stateFolder}/`) || (folder === '' && name === stateFolder))
      return;
    box.opened?.scanner.markDirty(folder, name);
    wakeAt(options, state, 0);
  };
  const context: FolderContext = {
    dataset,
    root,
    table,
    system,
    hashAside: options.hashAside,
    author,
    names: probeNameFolding(root, system),
    hasModes: probeModes(root, system),
    rules: createIgnoreRules(defaultIgnores),
    protectedFiles: createProtectedFiles(options.disk, options.protectedPaths),
    waiting: createWaitingList(),
    leftOut: createWaitingList(),
    ignored: createWaitingList(),
    handles: createContentHandles(root.disk, system),
    outgrown: new Map(),
    unsynced: new Set(),
    durable: new Set(),
    conflictsSince: new Map(),
    historyGrowth: { records: 0, bytes: 0 },
    scanWork: createScanWork(system, table, options.onWork),
    dirty,
  };
  const watch = createFolderWatch({
    root,
    system,
    onHint: dirty,
    onOverflow: () => {
      box.opened?.scanner.markAllDirty();
      wakeAt(options, state, 0);
    },
  });
  const onIgnoreFile = (): void => {
    if (box.opened !== null) loadRules(options, box.opened);
    box.opened?.scanner.markAllDirty();
  };
  const scanner = createScanner({
    context,
    guard: state.guard,
    watch: (folder) => watch.add(folder),
    isWatched: (folder) => watch.has(folder),
    unwatch: (folder) => watch.remove(folder),
    onIgnoreFile,
    onCaptured: options.onCaptured,
    settleMs: options.settleMs,
  });
  const getter = createContentGetter(context, options.peers);
  const onReady = (): void => {
    state.mustPlace = true;
    wakeAt(options, state, 0);
  };
  const lost = createLostContents(context, options.peers);
  box.opened = { context, watch, scanner, placer: createPlacer({ context, getter, lost, onIgnoreFile, onReady }) };
  return box.opened;
}

function loadRules({ ignore, table }: FolderSideOptions, { context }: OpenSide): void {
  const lines = [...defaultIgnores, ...ignore, ...linesOfIgnoreFile(context)];
  context.rules = createIgnoreRules(lines);
  // What is left out is not followed: when it is taken in again, what happened to it meanwhile is made good.
  const text = lines.join('\n');
  if (table.value('rules') === text) return;
  table.rows.markDiffering();
  table.setValue('rules', text);
}

const ignoreFileBytesMax = 256 * 1024;

function linesOfIgnoreFile({ root }: FolderContext): string[] {
  try {
    return root.at(ignoreFile, (place) => readText(root.disk, place, ignoreFileBytesMax)).split('\n');
  } catch {
    // There is none, or it cannot be read: the scan tells of that.
    return [];
  }
}

/** One look and one placing. What stops the folder is kept for the status and tried again. */
async function goRound(options: FolderSideOptions, state: SideState): Promise<void> {
  if (state.isClosed) return;
  try {
    if (state.opened === null || state.opened.context.root.isReplaced()) await openSide(options, state);
    const { opened } = state;
    if (opened === null) return;
    await workOnce(options, state, opened);
    state.problem = opened.scanner.held;
    state.news.tell(state.problem);
  } catch (error) {
    state.problem =
      error instanceof SyncError ? error : new SyncError('USYNC-1000', errorMessageOf(error), { cause: error });
    state.news.tell(state.problem);
    closeSide(state);
    wakeAt(options, state, retryMaxMs / 6);
    throw state.problem;
  }
}

async function workOnce(options: FolderSideOptions, state: SideState, opened: OpenSide): Promise<void> {
  const { system, table } = options;
  const { scanner, placer, watch, context } = opened;
  if (readFolderId(context.root) !== table.value('folder')) checkIdentity(options, context.root);
  // What somebody removed from the state folder is missed by what waits for it.
  if (context.waiting.count() > 0) mendStateFolder(context.root);
  const nowMs = system.monotonicMs();
  if (nowMs >= state.rescanAtMs) {
    if (state.rescanAtMs > 0) scanner.markAllDirty();
    state.rescanAtMs =
      nowMs + (watch.unwatched === 0 ? options.rescanMs : Math.min(options.rescanMs, shortageRescanMs));
    keepBounded(options, context);
  }
  if ((scanner.dueAtMs ?? Infinity) <= nowMs) await scanner.pass();
  state.mustPlace = false;
  const { waiting, placed } = await placer.pass();
  pruneGrown(context, historyBounds(options));
  if (placed > 0) state.retryMs = retryFirstMs;
  if (waiting > 0) {
    wakeAt(options, state, state.retryMs);
    state.retryMs = Math.min(retryMaxMs, state.retryMs * 2);
  }
  if (scanner.held !== null) wakeAt(options, state, heldRetryMs);
  if (scanner.dueAtMs !== null) wakeAt(options, state, Math.max(0, scanner.dueAtMs - system.monotonicMs()));
  if (state.mustPlace) wakeAt(options, state, 0);
  wakeAt(options, state, state.rescanAtMs - system.monotonicMs());
}

/** How often everything is looked at while the system allows too few watches. */
const shortageRescanMs = 30_000;
const heldRetryMs = 30_000;

const historyBounds = ({ history: { daysMax, ...bounds }, system }: FolderSideOptions): HistoryBounds => ({
  olderThanMs: system.nowMs() - daysMax * 86_400_000,
  ...bounds,
});

function keepBounded(options: FolderSideOptions, context: FolderContext): void {
  const { table } = options;
  pruneHistory(context, historyBounds(options));
  table.contents.prune();
  table.conflicts.forgetBeyond(settledConflictsMax);
}

const settledConflictsMax = 10_000;

/** The earliest of what was asked for counts. */
function wakeAt(options: FolderSideOptions, state: SideState, inMs: number): void {
  const { system } = options;
  const atMs = system.monotonicMs() + inMs;
  if (state.isClosed || atMs >= state.wakeAtMs) return;
  state.cancelWake();
  state.wakeAtMs = atMs;
  state.cancelWake = system.after(Math.max(0, inMs), () => {
    state.wakeAtMs = Infinity;
    // What fails is kept for the status, and tried again.
    void inTurn(state, () => goRound(options, state)).catch(() => undefined);
  });
}

interface Restoring {
  readonly path: string;
  readonly work: (context: FolderContext) => void | Promise<void>;
}

/** Looks before, so that what stands at the path is known, and after, so that the edit is on its way. */
async function restoreWith(options: FolderSideOptions, state: SideState, { path, work }: Restoring): Promise<void> {
  const { opened } = state;
  if (opened === null) throw new SyncError('USYNC-1002', `dataset ${options.dataset} is not open`);
  opened.scanner.markDirty(parentOf(path), nameOf(path));
  await inTurn(state, () => goRound(options, state));
  await inTurn(state, async () => work(opened.context));
  await inTurn(state, () => goRound(options, state));
}

async function accept(options: FolderSideOptions, state: SideState): Promise<boolean> {
  if (state.problem === null && (state.opened?.scanner.held ?? null) === null) return false;
  state.guard.accept();
  await adoptRoot(options, state);
  wakeAt(options, state, 0);
  return true;
}

/** What stands at the path is the folder from now on. */
async function adoptRoot(options: FolderSideOptions, state: SideState): Promise<void> {
  const root = openRootFolder(options.disk, options.path);
  try {
    prepareStateFolder(root);
    markFolder(options, root);
  } finally {
    root.close();
  }
  await openSide(options, state);
}

async function putBack(options: FolderSideOptions, state: SideState): Promise<number> {
  const isOther = state.problem?.code === 'USYNC-1701';
  if (state.problem !== null && state.opened === null && !isOther) throw state.problem;
  if (isOther) await inTurn(state, () => adoptRoot(options, state));
  const { scanner } = openedOf(options, state);
  if (!isOther && scanner.held === null) return 0;
  scanner.putBack();
  await inTurn(state, () => goRound(options, state));
  return scanner.wasPutBack;
}

function lookOf({ opened, problem }: SideState, { system }: FolderSideOptions): FolderLook {
  const sinceMs = opened?.scanner.lookingSinceMs ?? null;
  return {
    context: opened?.context ?? null,
    unwatched: opened?.watch.unwatched ?? 0,
    unsettled: opened?.scanner.unsettled ?? 0,
    isReading: sinceMs !== null && system.monotonicMs() - sinceMs > momentMs,
    problem,
  };
}

/** Looks that take no longer come all the time, wherever applications write. */
const momentMs = 500;

function closeSide(state: SideState): void {
  state.opened?.watch.close();
  state.opened?.context.handles.close();
  state.opened?.context.root.close();
  state.opened = null;
}
