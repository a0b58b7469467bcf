/** Makes the disk like the table, path by path, for every path whose rows changed. One that cannot be done waits alone. */
import { folderVersion, kindOfVersion, type Entry, type EntryVersion } from '../core/entry.js';
import { errorCodeOf, errorMessageOf } from '../core/sync-error.js';
import type { PendingPath } from '../databases/entry-table.js';
import { codeOf } from '../system/disk.js';
import type { ContentGetter } from './content-getter.js';
import { isAsRecorded, lookAt } from './disk-look.js';
import { isLinkInside, nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { keepCopy } from './history-keeper.js';
import { ignoreFile } from './ignore-rules.js';
import { reasonToLeaveOut } from './left-out.js';
import { missingFolders, placeAttributes, placeEntry, placeFolder, removeEntry, type Placed } from './place-entry.js';
import { planPath, type PathPlan } from './plan-path.js';
import { syncFolder } from './state-folder.js';

export interface Placer {
  /** Does what can be done now. Resolves with whether something waits that may go by itself later. */
  pass(): Promise<PlacingOutcome>;
}

export interface PlacingOutcome {
  readonly placed: number;
  readonly waiting: number;
}

export interface PlacerOptions {
  readonly context: FolderContext;
  readonly getter: ContentGetter;
  readonly onIgnoreFile: () => void;
  /** Content that was on its way is here, or cannot come now. */
  readonly onReady: () => void;
}

const batchPaths = 256;
const filesAtOnce = 32;
/** How long others leave it to the server whose edit lost to make the conflict copy. */
const conflictGraceMs = 3_000;

interface Planned {
  readonly pending: PendingPath;
  readonly plan: PathPlan;
}

interface PlacerState {
  /** Large contents that are complete in their temporary files. */
  readonly ready: Map<EntryVersion, string>;
  /** Large contents on their way: nothing else waits for them. */
  readonly underWay: Set<EntryVersion>;
}

/** Where the content of an entry is taken from. */
interface Source {
  readonly path: string;
  /** It is an entry that goes away: its file is moved. */
  readonly isMoved: boolean;
}

export function createPlacer(options: PlacerOptions): Placer {
  const { rows } = options.context.table;
  const state: PlacerState = { ready: new Map(), underWay: new Set() };
  return {
    async pass() {
      const paths = rows.pending(pendingMax);
      let placed = 0;
      for (let at = 0; at < paths.length; at += batchPaths)
        placed += await placeBatch(options, state, paths.slice(at, at + batchPaths));
      return { placed, waiting: rows.pendingCount() };
    },
  };
}

const pendingMax = 100_000;

async function placeBatch(options: PlacerOptions, state: PlacerState, batch: readonly PendingPath[]): Promise<number> {
  const { context } = options;
  const planned = context.table.atomically(() => batch.flatMap((pending) => planOne(context, pending) ?? []));
  const isDisk = ({ plan }: Planned): boolean => plan.disk.kind !== 'remove';
  const byDepth = planned.toSorted((a, b) => (a.pending.path < b.pending.path ? -1 : 1));
  const touched = new Set<string>();
  let placed = 0;
  const done: Planned[] = [];
  const ready = byDepth.filter(isDisk);
  const sources = await getSources(options, state, ready);
  await context.system.pause();
  intend(context, ready);
  context.table.atomically(() => {
    for (const each of [...ready, ...byDepth.filter((other) => !isDisk(other)).toReversed()]) {
      if (!tryStep(options, each, sources.get(each.pending.path) ?? null)) continue;
      done.push(each);
      touched.add(parentOf(each.pending.path));
      if (each.plan.disk.kind !== 'nothing') placed++;
    }
    for (const folder of touched) syncFolder(context.root, folder);
    for (const { pending } of done) {
      context.table.disk.forgetIntended(pending.path);
      context.table.rows.settled(pending);
    }
  });
  return placed;
}

/** Null: nothing of it concerns this server, or it cannot be judged; then it is settled or waits. */
function planOne(context: FolderContext, pending: PendingPath): Planned | null {
  const { table } = context;
  const { path } = pending;
  const rows = table.rows.at(path).filter((row) => isSound(row));
  const isFolderNeeded = table.rows.isBelow(path);
  const shape = rows.some(({ version }) => kindOfVersion(version) === 'folder') || isFolderNeeded;
  const reason = reasonToLeaveOut(context, path, shape);
  if (reason !== null) {
    if (reason !== '') context.leftOut.put(path, reason);
    table.rows.settled(pending);
    return null;
  }
  const plan = planPath({ path, rows, isFolderNeeded, standing: table.disk.at(path) });
  settleConflict(context, path, plan);
  const { setMode } = plan.table;
  if (setMode !== null) table.rows.setAttributes(path, setMode.version, setMode);
  return { pending, plan };
}

/** Rows may come from a peer that is not to be trusted. */
const isSound = ({ path, version, size, mode, mtime, modeAge }: Entry): boolean =>
  kindOfVersion(version) !== null &&
  [size, mode, mtime, modeAge].every((value) => Number.isSafeInteger(value) && value >= 0) &&
  (!version.startsWith('l:') || isLinkInside(path, version.slice(2)));

/** Who holds the losing edit makes its copy; others do it when that server does not. */
function settleConflict(context: FolderContext, path: string, { table: steps }: PathPlan): void {
  if (steps.end.length === 0) return;
  const { rows, disk } = context.table;
  const standing = disk.at(path)?.version;
  const nowMs = context.system.nowMs();
  const isOurs = steps.end.some(({ version, author, time }) => {
    return version === standing || author === context.author || nowMs - time > conflictGraceMs || time > nowMs;
  });
  // Each loser by itself: of three edits no server may hold the contents of two.
  const copies = isOurs ? steps.insert.filter(({ version }) => keepContent(context, version, path)) : [];
  const isLeft = ({ version }: Entry): boolean =>
    steps.insert.some((row) => row.version === version) && !copies.some((row) => row.version === version);
  for (const row of copies) rows.insert(row);
  for (const row of steps.end) if (isOurs && !isLeft(row)) rows.end(row.path, row.version);
  for (const row of copies) rows.mark(row.path);
  if (!isOurs || steps.end.some(isLeft)) rows.mark(path);
}

/**
 * A copy is made only where its content is, and is kept before: its writer may overwrite it any moment, and a copy whose
 * content nobody has would wait for ever.
 */
function keepContent(context: FolderContext, version: EntryVersion, path: string): boolean {
  const { disk, history } = context.table;
  if (kindOfVersion(version) !== 'file' || history.holding(version).length > 0) return true;
  const record = disk.at(path);
  if (record?.version !== version) return disk.holding(version).length > 0;
  return keepCopy(context, record);
}

async function getSources(
  options: PlacerOptions,
  state: PlacerState,
  planned: readonly Planned[],
): Promise<Map<string, Source>> {
  const { context } = options;
  const found = new Map<string, Source>();
  const taken = new Set<string>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let each = planned[next++]; each; each = planned[next++]) {
      const { disk } = each.plan;
      if (disk.kind !== 'place' || kindOfVersion(disk.entry.version) !== 'file') continue;
      const moved = movableFile(context, disk.entry, taken);
      if (moved !== null) taken.add(moved);
      const path = moved ?? (await getContent(options, state, disk.entry));
      if (path !== null) found.set(disk.entry.path, { path, isMoved: moved !== null });
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, worker));
  return found;
}

/** An entry with this content that is to go away, and is as it was recorded: a rename moves no content. */
function movableFile(
  { table, root }: FolderContext,
  { path, version }: Entry,
  taken: ReadonlySet<string>,
): string | null {
  if (table.disk.at(path) !== null) return null;
  for (const other of table.disk.holding(version)) {
    if (taken.has(other) || table.rows.at(other).length > 0) continue;
    if (root.at(other, (place) => isAsRecorded(lookAt(root.disk, place), table.disk.at(other)))) return other;
  }
  return null;
}

/** Null: it is not here yet. */
async function getContent(options: PlacerOptions, state: PlacerState, entry: Entry): Promise<string | null> {
  const { context, getter } = options;
  const { path, version, size } = entry;
  if (size > largeBytes) {
    const ready = state.ready.get(version);
    state.ready.delete(version);
    if (ready === undefined) void getInBackground(options, state, entry);
    return ready ?? null;
  }
  try {
    const temporary = await getter.get(version, size);
    context.waiting.remove(path);
    return temporary;
  } catch (error) {
    wait(context, path, error);
    return null;
  }
}

/** Content beyond this size comes beside everything else. */
const largeBytes = 1024 * 1024;
const largeAtOnce = 2;

async function getInBackground(options: PlacerOptions, state: PlacerState, entry: Entry): Promise<void> {
  const { context, getter, onReady } = options;
  const { path, version, size } = entry;
  if (state.underWay.has(version) || state.underWay.size >= largeAtOnce) return;
  state.underWay.add(version);
  try {
    state.ready.set(version, await getter.get(version, size));
    context.waiting.remove(path);
  } catch (error) {
    context.waiting.put(path, errorMessageOf(error));
  } finally {
    state.underWay.delete(version);
    onReady();
  }
}

function wait(context: FolderContext, path: string, error: unknown): void {
  const isKnown = errorCodeOf(error) !== 'USYNC-1000' || codeOf(error) !== null;
  if (!isKnown) throw error;
  context.waiting.put(path, errorMessageOf(error));
}

/** Before the first of them is placed: what a crash leaves behind is then not taken for edits of an application. */
function intend(context: FolderContext, planned: readonly Planned[]): void {
  const placing = planned.flatMap(({ plan }) => (plan.disk.kind === 'place' ? [plan.disk.entry] : []));
  if (placing.length === 0) return;
  context.table.atomically(() => {
    for (const { path, version } of placing) context.table.disk.intend(path, version);
  });
}

/** Whether the path is as the table says now. */
function tryStep(options: PlacerOptions, { pending, plan }: Planned, source: Source | null): boolean {
  const { context } = options;
  const { path } = pending;
  try {
    const result = step(context, { path, plan, source });
    if (result === 'done') {
      context.waiting.remove(path);
      if (path === ignoreFile) options.onIgnoreFile();
      return true;
    }
    if (result === 'changed') context.dirty(parentOf(path), nameOf(path));
    return false;
  } catch (error) {
    wait(context, path, error);
    return false;
  }
}

interface Step {
  readonly path: string;
  readonly plan: PathPlan;
  readonly source: Source | null;
}

function step(context: FolderContext, { path, plan, source }: Step): Placed {
  const { disk } = plan;
  switch (disk.kind) {
    case 'nothing':
      return 'done';
    case 'remove': {
      const result = removeEntry(context, path);
      if (result === 'done') markEmptyParent(context, path);
      return result;
    }
    case 'set-attributes':
      return placeAttributes(context, disk.entry);
    case 'make-folder':
      if (!makeFolders(context, path)) return 'waits';
      return placeFolder(context, { path, mode: 0, modeAge: 0, record: context.table.disk.at(path) });
    case 'place': {
      if (!isStillWanted(context, disk.entry)) return 'waits';
      if (kindOfVersion(disk.entry.version) === 'file' && source === null) return 'waits';
      if (!makeFolders(context, path)) return 'waits';
      return placeFrom(context, disk.entry, source);
    }
  }
}

function placeFrom(context: FolderContext, entry: Entry, source: Source | null): Placed {
  const { disk } = context.table;
  const isGone =
    source?.isMoved === true &&
    !context.root.at(source.path, (place) => isAsRecorded(lookAt(context.root.disk, place), disk.at(source.path)));
  if (isGone) return 'waits';
  const result = placeEntry(context, entry, source?.path ?? null);
  if (result === 'done' && source?.isMoved === true) {
    disk.remove(source.path);
    markEmptyParent(context, source.path);
  }
  return result;
}

/** While the content was fetched, another version may have come. */
function isStillWanted({ table }: FolderContext, { path, version }: Entry): boolean {
  const rows = table.rows.at(path).filter((row) => isSound(row));
  const { disk } = planPath({ path, rows, isFolderNeeded: table.rows.isBelow(path), standing: table.disk.at(path) });
  return disk.kind === 'place' && disk.entry.version === version;
}

/** False when one of them cannot be made before the scan has looked: it was recorded, and is gone from the disk. */
function makeFolders(context: FolderContext, path: string): boolean {
  for (const folder of missingFolders(context, path)) {
    const record = context.table.disk.at(folder);
    if (record !== null && record.version !== folderVersion) {
      // Its own rows say first what becomes of the file that has the name.
      context.table.rows.mark(folder);
      return false;
    }
    const row = context.table.rows.at(folder).find(({ version }) => version === folderVersion);
    const result =
      record?.version === folderVersion
        ? 'changed'
        : placeFolder(context, { path: folder, mode: row?.mode ?? 0, modeAge: row?.modeAge ?? 0, record });
    if (result === 'done') continue;
    context.dirty(parentOf(folder), nameOf(folder));
    return false;
  }
  return true;
}

/** A folder that no row names stands only as long as something in it does. */
function markEmptyParent({ table }: FolderContext, path: string): void {
  const folder = parentOf(path);
  if (folder !== '' && table.rows.at(folder).length === 0 && !table.rows.isBelow(folder)) table.rows.mark(folder);
}
