import type { DiskRecord } from '../databases/entry-table.js';
import { folderVersion, kindOfVersion, type EntryVersion } from '../core/entry.js';
import { endKeeping, markEmptyParent } from './empty-parent.js';
import { nameOf, parentOf } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import type { Found, FoundEntry } from './scan-folder.js';

/** `isFirstLook`: since the folder was opened, all of it is looked at for the first time. */
export interface Look {
  readonly isFirstLook: boolean;
}

/**
 * Writes what a scan found into the table, as an application writes its rows: the version that stood on this disk ends,
 * and no other; the one that stands now begins. Rows that merging put at the path meanwhile stay, which makes them
 * concurrent edits. One transaction.
 */
export function captureFound(context: FolderContext, found: readonly Found[], look: Look): number {
  const { table } = context;
  return table.atomically(() =>
    table.rows.unmarked(() => {
      let captured = 0;
      for (const each of found) {
        if (!isSame(table.disk.at(each.path), each.record)) {
          // Something was placed here since the look.
          context.dirty(parentOf(each.path), nameOf(each.path));
          continue;
        }
        captureOne(context, each, look);
        captured++;
      }
      return captured;
    }),
  );
}

function captureOne(context: FolderContext, { path, record, now, isLeftOut, isHeldBack }: Found, look: Look): void {
  const { table, author, system, outgrown, durable } = context;
  const { rows, disk, contents } = table;
  if (isHeldBack === true && record !== null) {
    disk.put({ ...record, mark: '' });
    return;
  }
  if (now === null) {
    if (record !== null && !isLeftOut && !record.isKept) rows.end(path, record.version);
    disk.remove(path);
    // An edit elsewhere outlives the delete here; what others have waits where something took its place that takes no part.
    if (rows.at(path).length > 0) rows.mark(path);
    markEmptyParent(context, path);
    return;
  }
  const { version, size, mode, mark, list } = now;
  const mtime = record !== null && isTimeKept(record, now) ? record.mtime : now.mtime;
  if (list !== null) contents.putList(version, list);
  if (version === folderVersion && record?.mark !== mark) durable.delete(path);
  const isKept = record?.isKept === true && version === folderVersion && !rows.isBelow(path);
  const modeAge = modeAgeOf(record, mode);
  disk.put({ path, version, size, mode, mtime, mark, isKept, modeAge });
  if (isKept) return;
  if (record?.version === version) {
    if (record.mode === mode && record.mtime === mtime) return;
    rows.setAttributes(path, version, { mode, mtime, modeAge });
    if (version !== folderVersion || rows.at(path).length > 0) return;
    // Its row had ended. While something stands in it, who changes it names it again; else it is on its way out.
    if (!rows.isBelow(path)) return rows.mark(path);
  }
  if (record !== null && record.version !== version) {
    rows.end(path, record.version);
    if (record.size < size) noteOutgrown(outgrown, record);
  }
  const base = record === null || record.version === version ? null : record.version;
  const time = timeOfEdit(system.nowMs(), { record, now, look });
  rows.insert({ path, version, size, mode, modeAge, mtime, base, author, time, copyOf: null });
  endKeeping(context, path);
  const standing = rows.at(path);
  if (standing.length !== 1 || !hasAttributes(standing[0], { mode, mtime })) rows.mark(path);
}

interface Edit {
  readonly record: DiskRecord | null;
  readonly now: FoundEntry;
  readonly look: Look;
}

/**
 * When an edit was made, for who keeps the name. Of a file that stood there before anybody looked, its own time tells: a
 * server that comes later with an old copy would win over what was edited since.
 */
function timeOfEdit(nowMs: number, { record, now: { version, mtime }, look }: Edit): number {
  const isOlder = look.isFirstLook && record === null && kindOfVersion(version) === 'file';
  return Math.trunc(isOlder ? Math.min(nowMs, mtime / 1000) : nowMs);
}

/** A disk may keep times less exactly than they were set: as long as it shows the same one, nobody changed it. */
const isTimeKept = (record: DiskRecord, { version, mark }: FoundEntry): boolean =>
  record.version === version && mark !== '' && timeIn(record.mark) === timeIn(mark);

const timeIn = (mark: string): string | undefined => mark.split(' ')[1];

/** A peer may be about to ask for it. */
function noteOutgrown(outgrown: Map<EntryVersion, string>, { version, path }: DiskRecord): void {
  outgrown.set(version, path);
  const [oldest] = outgrown.keys();
  if (oldest !== undefined && outgrown.size > outgrownMax) outgrown.delete(oldest);
}

const outgrownMax = 1000;

const modeAgeOf = (record: DiskRecord | null, mode: number): number =>
  record === null ? 0 : record.modeAge + (record.mode === mode ? 0 : 1);

const hasAttributes = (
  row: { mode: number; mtime: number } | undefined,
  { mode, mtime }: Pick<FoundEntry, 'mode' | 'mtime'>,
): boolean => row?.mode === mode && row.mtime === mtime;

const isSame = (a: DiskRecord | null, b: DiskRecord | null): boolean =>
  a === null || b === null ? a === b : a.version === b.version && a.mark === b.mark && a.isKept === b.isKept;
