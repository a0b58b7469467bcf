/** Where the contents of the entries are taken from that are about to be placed. */
import { kindOfVersion, type Entry, type EntryVersion } from '../core/entry.js';
import { errorCodeOf } from '../core/sync-error.js';
import { codeOf, diskErrorText } from '../system/disk.js';
import type { ContentGetter, ReadyContent, WantedContent } from './content-getter.js';
import { standsAsRecorded } from './disk-look.js';
import { nameOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { reasonToLeaveOut } from './left-out.js';
import type { LostContents } from './lost-contents.js';
import { portabilityObstacle } from './portable-names.js';
import { isContentWanted } from './temporary-files.js';

export interface Source extends ReadyContent {
  /** It is an entry that goes away: its file is moved. */
  readonly isMoved: boolean;
}

export interface ContentSources {
  /** By path; without those whose content is not here yet. */
  get(entries: readonly Entry[]): Promise<ReadonlyMap<string, Source>>;
  /** Whether the file at this path is to be moved to another one. */
  isTaken(path: string): boolean;
  moved(path: string): void;
  /** What of them was not placed is kept for the next try. */
  giveBack(contents: Iterable<Source>): void;
  /** At the end of a pass: what was to be moved and was not may go its way, and what came for nothing goes. */
  tidy(): void;
}

export interface ContentSourcesOptions {
  readonly context: FolderContext;
  readonly getter: ContentGetter;
  readonly lost: LostContents;
  /** Content that was on its way is here, or other content may come in its place. */
  readonly onReady: () => void;
}

const filesAtOnce = 128;

interface SourcesState {
  /** Large contents that are complete in their temporary files. */
  readonly ready: Map<EntryVersion, ReadyContent>;
  /** Large contents on their way: nothing else waits for them. */
  readonly underWay: Set<EntryVersion>;
  /** When the last try to get a large content failed: who asks again at once is told so at once, and would ask for ever. */
  readonly failedAtMs: Map<EntryVersion, number>;
  /** A large content was wanted while as many as may come at once were on their way. */
  isOneMoreWanted: boolean;
  readonly taken: Set<string>;
  /** What the last batch wanted. */
  before: ReadonlySet<EntryVersion>;
}

type WantedEntry = Entry & WantedContent;

/** Asked once for all: most of what comes is new here. */
function versionsHere(
  { table, outgrown }: FolderContext,
  entries: readonly Entry[],
): (version: EntryVersion) => boolean {
  const versions = entries.map(({ version }) => version);
  const standing = table.disk.holdingAny(versions);
  const kept = table.history.holdingAny(versions);
  return (version) => standing.has(version) || kept.has(version) || outgrown.has(version);
}

export function createContentSources(options: ContentSourcesOptions): ContentSources {
  const state: SourcesState = {
    ready: new Map(),
    underWay: new Set(),
    failedAtMs: new Map(),
    isOneMoreWanted: false,
    taken: new Set(),
    before: new Set(),
  };
  return {
    async get(entries) {
      const found = new Map<string, Source>();
      dropUnwanted(options, state);
      const isHere = versionsHere(options.context, entries);
      // Those of the batch before are placed meanwhile.
      const mayBeHere = (version: EntryVersion): boolean => isHere(version) || state.before.has(version);
      const fetched = new Set<EntryVersion>();
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let entry = entries[next++]; entry; entry = entries[next++]) {
          if (kindOfVersion(entry.version) !== 'file') continue;
          const wanted = { ...entry, isHere: mayBeHere(entry.version) };
          const moved = wanted.isHere ? movableFile(options.context, entry, state.taken) : null;
          if (moved !== null) state.taken.add(moved);
          // Of two large files with one content that comes, the second is a copy of the first, once that stands.
          else if (entry.version.startsWith('m:') && fetched.has(entry.version)) continue;
          else fetched.add(entry.version);
          const source = moved === null ? await getContent(options, state, wanted) : movedFrom(moved);
          if (source !== null) found.set(entry.path, source);
        }
      };
      await Promise.all(Array.from({ length: filesAtOnce }, worker));
      state.before = new Set(entries.map(({ version }) => version));
      return found;
    },
    isTaken: (path) => state.taken.has(path),
    moved: (path) => void state.taken.delete(path),
    giveBack(contents) {
      for (const source of contents) if (!source.isMoved) options.getter.giveBack(source);
      options.getter.tidy();
    },
    tidy() {
      state.taken.clear();
      dropUnwanted(options, state);
      options.getter.tidy();
    },
  };
}

/** Content that came for an entry which is another one by now, or shows it already. */
function dropUnwanted(
  { context: { table }, getter }: ContentSourcesOptions,
  { ready, failedAtMs }: SourcesState,
): void {
  for (const version of failedAtMs.keys()) if (!isContentWanted(table, version)) failedAtMs.delete(version);
  for (const [version, content] of ready) {
    if (isContentWanted(table, version)) continue;
    ready.delete(version);
    getter.giveBack(content);
  }
}

const movedFrom = (path: string): Source => ({ path, hasAttributes: false, isMoved: true });

/** An entry with this content that is to go away, and is as it was recorded: a rename moves no content. */
function movableFile(context: FolderContext, { path, version }: Entry, taken: ReadonlySet<string>): string | null {
  const { table, root } = context;
  const places = table.disk.holding(version);
  if (places.length === 0 || table.disk.at(path) !== null) return null;
  for (const other of places) {
    if (taken.has(other) || table.rows.at(other).length > 0) continue;
    // What is left out stays where it is.
    if (reasonToLeaveOut(context, other, false) !== null) continue;
    if (standsAsRecorded(root, other, table.disk.at(other))) return other;
  }
  return null;
}

/** Null: it is not here yet. */
async function getContent(
  options: ContentSourcesOptions,
  state: SourcesState,
  entry: WantedEntry,
): Promise<Source | null> {
  const { context, getter, lost } = options;
  const { path, version, size } = entry;
  if (size > largeBytes) {
    const ready = state.ready.get(version);
    state.ready.delete(version);
    if (ready === undefined && mayBeMoved(context, entry)) return null;
    if (ready === undefined) void getInBackground(options, state, entry);
    return ready === undefined ? null : { ...ready, isMoved: false };
  }
  try {
    const content = await getter.get(entry);
    context.waiting.remove(path);
    return { ...content, isMoved: false };
  } catch (error) {
    waitFor(context, path, error);
    if (errorCodeOf(error) === 'USYNC-1703') await lost.missed(entry);
    return null;
  }
}

/** What stands here under another name may be moved: its end there comes a moment later, and a copy would be for nothing. */
function mayBeMoved({ table, system }: FolderContext, { version, time }: Entry): boolean {
  const ageMs = system.nowMs() - time;
  return ageMs >= 0 && ageMs < moveGraceMs && table.disk.holding(version).length > 0;
}

const moveGraceMs = 1_000;

/** Content beyond this size comes beside everything else. */
const largeBytes = 1024 * 1024;
const largeAtOnce = 2;
const retryLargeMs = 200;

async function getInBackground(options: ContentSourcesOptions, state: SourcesState, entry: WantedEntry): Promise<void> {
  const { context, getter, lost, onReady } = options;
  const { path, version } = entry;
  const nowMs = context.system.monotonicMs();
  if (state.underWay.has(version) || nowMs - (state.failedAtMs.get(version) ?? -Infinity) < retryLargeMs) return;
  if (state.underWay.size >= largeAtOnce) {
    state.isOneMoreWanted = true;
    return;
  }
  state.underWay.add(version);
  let isHere = false;
  try {
    state.ready.set(version, await getter.get(entry));
    state.failedAtMs.delete(version);
    context.waiting.remove(path);
    isHere = true;
  } catch (error) {
    state.failedAtMs.set(version, context.system.monotonicMs());
    context.waiting.put(path, diskErrorText(error));
    if (errorCodeOf(error) === 'USYNC-1703') await lost.missed(entry);
  } finally {
    state.underWay.delete(version);
    const { isOneMoreWanted } = state;
    state.isOneMoreWanted = false;
    // What failed comes again with the tries of everything that waits, whose times between grow.
    if (isHere || isOneMoreWanted) onReady();
  }
}

/** One entry waits with its reason; what nobody foresaw is not hidden. */
export function waitFor(context: FolderContext, path: string, error: unknown): void {
  const isKnown = errorCodeOf(error) !== 'USYNC-1000' || codeOf(error) !== null;
  if (!isKnown) throw error;
  // What a disk says of a name that it cannot hold is seldom that.
  const obstacle = codeOf(error) === null ? null : portabilityObstacle(nameOf(path));
  context.waiting.put(path, obstacle === null ? diskErrorText(error) : `${obstacle} (${diskErrorText(error)})`);
}
