/** Makes the disk like the table, path by path, for every path whose rows changed. One that cannot be done waits alone. */
import { folderVersion, kindOfVersion, linkTargetOf, type Entry, type EntryVersion } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { DiskRecord, PendingPath } from '../databases/entry-table.js';
import {
  createContentSources,
  waitFor,
  type ContentSources,
  type ContentSourcesOptions,
  type Source,
} from './content-sources.js';
import { isFolderThere, standsAsRecorded, timeInRange } from './disk-look.js';
import { endKeeping, markEmptyParent } from './empty-parent.js';
import { linkObstacle, nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { keepCopy } from './history-keeper.js';
import { ignoreFile } from './ignore-rules.js';
import { reasonToLeaveOut } from './left-out.js';
import {
  missingFolders,
  placeAttributes,
  placeEntry,
  placeFolder,
  removeEntry,
  standsForLeftOut,
  type Placed,
} from './place-entry.js';
import { clearTwin, twinObstacle } from './name-twins.js';
import { planPath, type DiskStep, type PathPlan } from './plan-path.js';
import { namesInFolder } from './state-folder.js';
import { syncPlaced } from './sync-placed.js';

export interface Placer {
  /** Does what can be done now. Resolves with whether something waits that may go by itself later. */
  pass(): Promise<PlacingOutcome>;
}

export interface PlacingOutcome {
  readonly placed: number;
  readonly waiting: number;
}

export interface PlacerOptions extends ContentSourcesOptions {
  readonly onIgnoreFile: () => void;
}

const batchPaths = 512;
/** How long others leave it to the server whose edit lost to make the conflict copy. */
const conflictGraceMs = 3_000;

interface Planned {
  readonly pending: PendingPath;
  readonly plan: PathPlan;
}

export function createPlacer(options: PlacerOptions): Placer {
  const { rows } = options.context.table;
  const sources = createContentSources(options);
  return {
    async pass() {
      const upTo = rows.lastPending();
      let placed = 0;
      let next = prepareBatch(options, sources, { after: 0, upTo });
      try {
        for (let batch = await next; batch !== null; batch = await next) {
          // The contents of the next paths come while these are placed.
          next = prepareBatch(options, sources, { after: batch.last, upTo });
          placed += placeBatch(options, sources, batch);
          sources.giveBack(batch.contents.values());
        }
      } finally {
        await Promise.allSettled([next]);
        sources.tidy();
      }
      return { placed, waiting: rows.pendingCount() };
    },
  };
}

interface Batch {
  readonly planned: readonly Planned[];
  /** By path. */
  readonly contents: ReadonlyMap<string, Source>;
  /** The sequence of the last path, whether it was planned or not. */
  readonly last: number;
}

interface PendingSpan {
  readonly after: number;
  readonly upTo: number;
}

/** Null when no pending path is left of those that stood there when the pass began. */
async function prepareBatch(
  { context, lost }: PlacerOptions,
  sources: ContentSources,
  { after, upTo }: PendingSpan,
): Promise<Batch | null> {
  const { table, system } = context;
  const batch = table.rows.pending(batchPaths, after).filter(({ sequence }) => sequence <= upTo);
  const last = batch.at(-1)?.sequence;
  if (last === undefined) return null;
  const missed: Entry[] = [];
  const planned = table
    .atomically(() => {
      const plans = batch.flatMap((pending) => planOrWait(context, pending, missed));
      syncPlaced(context);
      return plans;
    })
    .toSorted((a, b) => (a.pending.path < b.pending.path ? -1 : 1));
  for (const entry of missed) await lost.missed(entry);
  const contents = await sources.get(
    planned.flatMap(({ plan: { disk } }) => (disk.kind === 'place' ? [disk.entry] : [])),
  );
  await system.pause();
  return { planned, contents, last };
}

function placeBatch(options: PlacerOptions, sources: ContentSources, { planned, contents }: Batch): number {
  const { context } = options;
  const { table, root } = context;
  const isRemoval = ({ plan }: Planned): boolean => plan.disk.kind === 'remove';
  const others = planned.filter((each) => !isRemoval(each));
  const done: Planned[] = [];
  intend(context, others);
  const way: Way = { folder: null };
  const placeAll = (): void => {
    for (const each of [...others, ...planned.filter(isRemoval).toReversed()]) {
      const { path } = each.pending;
      // Its file is about to be moved to where a later path wants it.
      if (isRemoval(each) && sources.isTaken(path)) continue;
      const source = contents.get(path) ?? null;
      if (!tryStep(options, each, { source, way })) continue;
      if (source?.isMoved === true) sources.moved(source.path);
      done.push(each);
    }
    syncPlaced(context);
    table.disk.forgetIntended(done.map(({ pending }) => pending.path));
    table.rows.settled(done.map(({ pending }) => pending));
  };
  root.together(() => table.atomically(placeAll));
  return done.filter(({ plan }) => plan.disk.kind !== 'nothing').length;
}

/** What the disk refuses while a path is planned, its reading or a copy for the history, stops that path alone. */
function planOrWait(context: FolderContext, pending: PendingPath, missed: Entry[]): Planned[] {
  try {
    const planned = planOne(context, pending, missed);
    return planned === null ? [] : [planned];
  } catch (error) {
    waitFor(context, pending.path, error);
    return [];
  }
}

/**
 * Null: nothing of it concerns this server, or it cannot be judged; then it is settled or waits. `missed` gets edits that
 * lost their name and whose content is not here.
 */
function planOne(context: FolderContext, pending: PendingPath, missed: Entry[]): Planned | null {
  const { table } = context;
  const { path } = pending;
  const rows = rowsAt(context, path);
  const isFolderNeeded = table.rows.isBelow(path);
  if (rows.length === 0 && !isFolderNeeded && table.disk.at(path) === null) markEmptyParent(context, path);
  const shape = rows.some(({ version }) => kindOfVersion(version) === 'folder') || isFolderNeeded;
  const reason = reasonToLeaveOut(context, path, shape);
  if (reason !== null) {
    if (rows.length === 0 && !isFolderNeeded) context.dirty(parentOf(path), nameOf(path));
    else if (reason !== '') context.leftOut.put(path, reason);
    table.rows.settled([pending]);
    return null;
  }
  // Passed over, it would be no row: what stands here would be removed.
  const unsound = unsoundReason(rows);
  if (unsound !== null) throw new SyncError('USYNC-1703', `What another server has here is not placed: ${unsound}.`);
  const standing = table.disk.at(path);
  const plan = planPath({ path, rows, isFolderNeeded, standing });
  missed.push(...settleConflict(context, path, plan));
  const { setMode } = plan.table;
  if (setMode !== null) table.rows.setAttributes(path, setMode.version, setMode);
  const obstacle = obstacleOf(context, path, { plan, standing });
  if (obstacle === null) return { pending, plan };
  context.waiting.put(path, obstacle);
  return null;
}

interface PlannedPlace {
  readonly plan: PathPlan;
  readonly standing: DiskRecord | null;
}

/** Why a path cannot be placed now, whatever is fetched for it. */
function obstacleOf(context: FolderContext, path: string, { plan, standing }: PlannedPlace): string | null {
  if (!needsName(plan)) return null;
  const obstacle = twinObstacle(context, path) ?? leftOutObstacle(context, path);
  if (obstacle !== null || plan.disk.kind !== 'place' || standing?.isKept !== true) return obstacle;
  return isFolderThere(context.root, path) && namesInFolder(context.root, path).length > 0 ? standsForLeftOut : null;
}

const needsName = ({ disk: { kind } }: PathPlan): boolean => kind === 'place' || kind === 'make-folder';

/** What takes no part stands at a path, or at a folder on its way: nothing is fetched for it. Null where nothing does. */
function leftOutObstacle(context: FolderContext, path: string): string | null {
  for (let level = path; level !== ''; level = parentOf(level)) {
    const reason = standingReason(context, level);
    if (reason === null || context.table.disk.at(level) !== null) continue;
    if (!standsAsRecorded(context.root, level, null)) return obstacleText(level, reason);
  }
  return null;
}

/** Why what stands there takes no part, as a scan found it: a rule may leave out a folder, and not a file of its name. */
const standingReason = ({ leftOut, ignored }: FolderContext, path: string): string | null =>
  leftOut.reasonAt(path) ?? ignored.reasonAt(path);

const obstacleText = (path: string, reason: string): string => `at ${path} stands what takes no part: ${reason}`;

/** Times that an earlier build told of are brought into the range. */
const rowsAt = ({ table }: FolderContext, path: string): Entry[] =>
  table.rows.at(path).map((row) => ({ ...row, mtime: timeInRange(row.mtime) }));

/** Rows may come from a peer that is not to be trusted, or of an earlier build. Null: all may be placed. */
const unsoundReason = (rows: readonly Entry[]): string | null =>
  rows
    .map((row) => (isSound(row) ? linkObstacle(row.path, linkTargetOf(row.version) ?? '.') : 'it is not sound'))
    .find((reason) => reason !== null) ?? null;

const isSound = ({ version, size, mode, mtime, modeAge }: Entry): boolean =>
  kindOfVersion(version) !== null &&
  [size, mode, mtime, modeAge].every((value) => Number.isSafeInteger(value) && value >= 0);

/** Who holds the losing edit makes its copy; others do it when that server does not. Returns those that nobody here has. */
function settleConflict(context: FolderContext, path: string, { table: steps }: PathPlan): readonly Entry[] {
  const { rows, disk } = context.table;
  const { conflictsSince } = context;
  if (steps.end.length === 0) {
    conflictsSince.delete(path);
    return [];
  }
  const standing = disk.at(path)?.version;
  const nowMs = context.system.monotonicMs();
  const sinceMs = conflictsSince.get(path) ?? nowMs;
  conflictsSince.set(path, sinceMs);
  const isOurs =
    nowMs - sinceMs > conflictGraceMs ||
    steps.end.some(({ version, author }) => version === standing || author === context.author);
  // Each loser by itself: of three edits no server may hold the contents of two.
  const copies = isOurs ? steps.insert.filter(({ version }) => keepContent(context, version, path)) : [];
  const isLeft = ({ version }: Entry): boolean =>
    steps.insert.some((row) => row.version === version) && !copies.some((row) => row.version === version);
  for (const row of copies) rows.insert(row);
  for (const row of steps.end) if (isOurs && !isLeft(row)) rows.end(row.path, row.version);
  for (const row of copies) rows.mark(row.path);
  const left = steps.end.filter(isLeft);
  if (!isOurs || left.length > 0) rows.mark(path);
  return isOurs ? left : [];
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

/** Before the first of them is placed: what a crash leaves behind is then not taken for edits of an application. */
function intend(context: FolderContext, planned: readonly Planned[]): void {
  const placing = planned.flatMap(({ plan }) => (plan.disk.kind === 'place' ? [plan.disk.entry] : []));
  if (placing.length === 0) return;
  context.table.disk.intend(placing);
}

/** Whether the path is as the table says now. */
function tryStep(options: PlacerOptions, { pending, plan }: Planned, means: StepMeans): boolean {
  const { context } = options;
  const { path } = pending;
  try {
    const result = step(context, { path, plan, ...means });
    if (result === 'done') {
      context.waiting.remove(path);
      if (needsName(plan)) context.leftOut.remove(path);
      if (path === ignoreFile) options.onIgnoreFile();
      return true;
    }
    if (result === 'changed') lookAgain(context, path);
    return false;
  } catch (error) {
    waitFor(context, path, error);
    return false;
  }
}

interface StepMeans {
  readonly source: Source | null;
  readonly way: Way;
}

/** The folder that the steps before have found or made, and done nothing to since: many files of one folder come together. */
interface Way {
  folder: string | null;
}

interface Step extends StepMeans {
  readonly path: string;
  readonly plan: PathPlan;
}

function step(context: FolderContext, { path, plan, source, way }: Step): Placed {
  const { disk } = plan;
  const { folder } = way;
  way.folder = null;
  if (needsName(plan) && !clearTwin(context, path)) return 'waits';
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
      if (!placeFoldersOnTheWay(context, path)) return 'waits';
      return placeFolder(context, { path, mode: 0, modeAge: 0, record: context.table.disk.at(path) });
    case 'place': {
      const now = diskStepNow(context, path);
      if (now.kind === 'nothing') return 'done';
      if (now.kind === 'set-attributes') return placeAttributes(context, now.entry);
      if (now.kind !== 'place' || now.entry.version !== disk.entry.version) return 'waits';
      if (kindOfVersion(disk.entry.version) === 'file' && source === null) return 'waits';
      if (folder !== parentOf(path) && !placeFoldersOnTheWay(context, path)) return 'waits';
      const result = placeFrom(context, disk.entry, source);
      // On a disk that folds names, another name may have taken the folder along.
      if (result === 'done' && !context.names.isFolding) way.folder = parentOf(path);
      return result;
    }
  }
}

function placeFrom(context: FolderContext, entry: Entry, source: Source | null): Placed {
  const { disk } = context.table;
  if (source?.isMoved !== true) return placeEntry(context, entry, source);
  const record = disk.at(source.path);
  if (record === null || !standsAsRecorded(context.root, source.path, record)) return 'waits';
  const result = placeEntry(context, entry, { ...source, record });
  if (result === 'changed') context.dirty(parentOf(source.path), nameOf(source.path));
  if (result === 'done') {
    disk.remove(source.path);
    context.unsynced.add(parentOf(source.path));
    markEmptyParent(context, source.path);
  }
  return result;
}

/** While the content was fetched, another version may have come, or what was planned been done on the way. */
function diskStepNow(context: FolderContext, path: string): DiskStep {
  const { table } = context;
  const rows = rowsAt(context, path);
  if (unsoundReason(rows) !== null) return { kind: 'nothing' };
  return planPath({ path, rows, isFolderNeeded: table.rows.isBelow(path), standing: table.disk.at(path) }).disk;
}

/** False when one of them cannot be made before the scan has looked: it was recorded, and is gone from the disk. */
function placeFoldersOnTheWay(context: FolderContext, path: string): boolean {
  endKeeping(context, path);
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
    lookAgain(context, folder);
    return false;
  }
  return true;
}

/** What takes no part was looked at, and stands in the way until somebody takes it away. */
function lookAgain(context: FolderContext, path: string): void {
  const reason = standingReason(context, path);
  if (reason !== null) throw new SyncError('USYNC-1703', obstacleText(path, reason));
  context.dirty(parentOf(path), nameOf(path));
}
