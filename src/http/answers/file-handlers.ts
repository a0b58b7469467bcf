import { kindOfVersion, type Entry } from '../../core/entry.js';
import { SyncError } from '../../core/sync-error.js';
import type { FolderCalls, FolderEntry } from '../../databases/folder-calls.js';
import type { HistoryRecord } from '../../databases/entry-table.js';
import type { ApiContext } from '../api-context.js';
import type { PathEvent as FoundPathEvent, PathState } from '../../engine/decisions.js';
import type { FileEntry, fileRoutes, KeptFile, PathEvent } from '../contract/file-routes.js';
import { isoTime } from '../iso-time.js';
import type { Handlers } from './handler.js';
import { fileResponse } from './file-response.js';
import { sinceOf } from './since-of.js';

const listedMax = 10_000;
const reportedMax = 1_000;
const pageMax = 5_000;

export const fileHandlers: Handlers<keyof typeof fileRoutes> = {
  listFiles: ({ params: { dataset }, query }, { kept, engine }, { patienceMs }) => {
    const path = query.path.replaceAll(/^\/+|\/+$/g, '');
    return kept.answer(
      ['files', dataset, path],
      async () => {
        const { entries, isComplete } = await engine.folder(dataset).entries(path, listedMax);
        return { dataset, path, entries: entries.map(entryAnswer), is_complete: isComplete };
      },
      patienceMs,
    );
  },
  folderReport: ({ params: { dataset } }, { kept, engine }, { patienceMs }) =>
    kept.answer(['folder report', dataset], () => reportAnswer(engine.folder(dataset)), patienceMs),
  fileHistory: ({ params: { dataset }, query }, { kept, engine }, { patienceMs }) =>
    kept.answer(
      ['file history', dataset, query],
      async () => {
        const { path, limit } = query;
        const history = await engine.folder(dataset).history({ max: limit, ...(path !== undefined && { path }) });
        return { history: history.map(keptAnswer) };
      },
      patienceMs,
    ),
  pathHistory: ({ params: { dataset }, query }, { kept, engine }, { patienceMs }) =>
    kept.answer(
      ['path history', dataset, query],
      async () => {
        const { path, limit } = query;
        const history = await engine.pathHistory({ dataset, max: limit, ...(path !== undefined && { path }) });
        return { events: history.events.map(pathEventAnswer), is_whole: history.isWhole };
      },
      patienceMs,
    ),
  async restoreFile({ params, body }, { engine }) {
    const restored = keptAnswer(await engine.folder(params.dataset).restore(body.id));
    return { message: `${restored.path} is back here, and goes to every server.`, restored };
  },
  async acceptFolder({ params }, { engine }) {
    const isAccepted = await engine.folder(params.dataset).accept();
    return {
      message: isAccepted
        ? 'Accepted: what is missing is deleted on every server.'
        : 'No guard has stopped this folder, so there is nothing to accept.',
    };
  },
  async putBackFolder({ params }, { engine }) {
    const entries = await engine.folder(params.dataset).putBack();
    const message =
      entries === 0 ? 'No deletions are held.' : `On the way back: ${entries} ${entries === 1 ? 'entry' : 'entries'}.`;
    return { message, entries };
  },
  fileContent: ({ params, query }, { engine }) => fileResponse(engine.folder(params.dataset), query.path),
  async checksums({ query }, context, call) {
    const folder = folderOf(context, query.path);
    const sinceMs = sinceOf(query.since) ?? -Infinity;
    const read = async () => ({ sums: await sumsOf(folder, sinceMs) });
    const { sums, age_ms } = await context.kept.answer(['checksums', query], read, call.patienceMs);
    // Each field of the body is a file: the age has no place in it.
    call.tellAge(age_ms);
    return Object.fromEntries(sums);
  },
  downloadFile: ({ query }, context) => fileResponse(folderOf(context, query.base_folder), query.path),
  async uploadFile({ body }, context, { file }) {
    if (file === null) throw new SyncError('USYNC-1907', 'The form has no file.', { facts: { field: 'file' } });
    const checksum = await folderOf(context, body.base_folder).write(body.path, file);
    return { message: `${body.path} was written.`, path: body.path, checksum };
  },
  async deleteFile({ body }, context) {
    await folderOf(context, body.directory).remove(body.path);
    return { message: `${body.path} was deleted.`, path: body.path };
  },
};

type Checksum = readonly [
  path: string,
  { readonly checksum: string; readonly size: number; readonly modified: string },
];

async function sumsOf(folder: FolderCalls, sinceMs: number): Promise<readonly Checksum[]> {
  const sums: Checksum[] = [];
  for (let after = ''; ;) {
    const files = await folder.files({ after, max: pageMax });
    for (const { path, version, size, mtime } of files) {
      if (mtime / 1_000 < sinceMs) continue;
      sums.push([path, { checksum: checksumOf(version), size, modified: isoTime(mtime / 1_000) }]);
    }
    const last = files.at(-1);
    if (!last || files.length < pageMax) return sums;
    after = last.path;
  }
}

async function reportAnswer(folder: FolderCalls) {
  const [waiting, leftOut, missing, copies, unportable] = await Promise.all([
    folder.waiting(reportedMax),
    folder.leftOut(reportedMax),
    folder.missing(reportedMax),
    folder.copies(reportedMax),
    folder.unportable(reportedMax),
  ]);
  return {
    waiting: waiting.map((each) => ({ ...each })),
    left_out: leftOut.map((each) => ({ ...each })),
    missing: [...missing],
    unportable: unportable.map((each) => ({ ...each })),
    copies: copies.map((copy) => entryAnswer({ ...copy, state: 'placed', reason: null })),
  };
}

/** Older clients name a folder only where there are several. */
export function folderOf(
  { engine, config }: Pick<ApiContext, 'engine' | 'config'>,
  name: string | undefined,
): FolderCalls {
  const folders = config.datasets.filter(({ folder }) => folder !== undefined);
  const [only, second] = folders;
  if (name !== undefined) return engine.folder(name);
  if (only && !second) return engine.folder(only.name);
  throw new SyncError('USYNC-1907', folders.length === 0 ? 'This server has no folder.' : 'Name the folder.', {
    facts: { field: 'base_folder' },
    nextStep:
      folders.length === 0
        ? 'Add one to the configuration.'
        : `Folders are: ${folders.map((each) => each.name).join(', ')}.`,
  });
}

/** SHA-256 in hex; of a content of several chunks that of the list of its chunks. */
function checksumOf(version: string): string {
  const hex = Buffer.from(version.slice(2), 'base64url').toString('hex');
  return version.startsWith('m:') ? `chunks:${hex}` : hex;
}

function entryAnswer(entry: FolderEntry | (Entry & Pick<FolderEntry, 'state' | 'reason'>)): FileEntry {
  const { path, version, size, mode, mtime, author, copyOf, state, reason } = entry;
  const kind = kindOfVersion(version) ?? 'file';
  return {
    ...{ path, kind, size, mode, author, state, reason },
    name: path.slice(path.lastIndexOf('/') + 1),
    modified: isoTime(mtime / 1_000),
    hash: kind === 'file' ? checksumOf(version) : null,
    is_conflict_copy: copyOf !== null,
    copy_of: copyOf,
  };
}

const keptAnswer = ({ id, path, size, mtime, reason, atMs }: HistoryRecord): KeptFile => ({
  ...{ id, path, size, reason },
  modified: isoTime(mtime / 1_000),
  at: isoTime(atMs),
});

const pathEventAnswer = ({ kind, path, entry, from, by, atMs, before, now, keptAs }: FoundPathEvent): PathEvent => ({
  ...{ kind, path, entry, from, by },
  at: isoTime(atMs),
  before: before && pathStateAnswer(before),
  now: now && pathStateAnswer(now),
  kept_as: keptAs,
});

const pathStateAnswer = ({ size, mode, modifiedMs }: PathState): PathEvent['before'] => ({
  size: size ?? null,
  mode: mode ?? null,
  modified: modifiedMs === undefined ? null : isoTime(modifiedMs),
});
