/** The conflicts of a folder, as the calls of every replica tell of them. */
import type { OriginId } from '../core/origin.js';
import { SyncError } from '../core/sync-error.js';
import type { FileConflict } from '../databases/entry-table.js';
import type { FolderCalls } from '../databases/folder-calls.js';
import type { ConflictRecord, Replica } from '../databases/replica.js';
import { sha256 } from './content-hash.js';
import { entriesTable } from './met-entries.js';

type ConflictCalls = Pick<Replica, 'conflicts' | 'conflictsForgotten' | 'forgetConflicts' | 'restoreConflict'>;

const searchedMax = 100_000;

export function conflictCalls(entries: Replica, folder: FolderCalls): ConflictCalls {
  return {
    conflicts: async ({ max, idStart = '' }) =>
      (await folder.conflicts(idStart === '' ? max : searchedMax))
        .map(conflictOf)
        .filter(({ id }) => id.startsWith(idStart)),
    async restoreConflict(id) {
      const found = (await folder.conflicts(searchedMax)).find((each) => conflictOf(each).id === id);
      if (found === undefined) throw new SyncError('USYNC-1800', `"${id}" is not the id of one conflict copy.`);
      if (found.settledMs !== null) throw notThere(found, found.settledMs);
      await folder.restoreCopy(found.path);
      return { kind: 'restored', rows: 1 };
    },
    conflictsForgotten: () => folder.conflictsForgotten(),
    async forgetConflicts(foundBeforeMs) {
      // Beside them the table of entries has conflicts of its own, on attributes, which nobody is shown.
      await entries.forgetConflicts(foundBeforeMs);
      return folder.forgetConflicts(foundBeforeMs);
    },
  };
}

/** The losing edit stands beside the winner: the conflict is open as long as its copy stands. */
const conflictOf = ({ path, version, author, time, copyOf, noticedMs, settledMs }: FileConflict): ConflictRecord => ({
  id: recordId(path, version),
  table: entriesTable,
  key: copyOf,
  column: null,
  rule: 'both edits are kept',
  kept: copyOf,
  lost: path,
  rest: null,
  lostOrigin: author as OriginId,
  keptOrigin: null,
  atMs: time,
  noticedMs,
  settledMs,
  canRestore: settledMs === null,
});

const notThere = ({ path, copyOf }: FileConflict, settledMs: number): SyncError =>
  new SyncError(
    'USYNC-1801',
    `The conflict copy ${path} stands no more: it was put back, edited, renamed or deleted on ${new Date(settledMs).toISOString()}.`,
    { nextStep: `What other servers replaced or deleted here: usync files history DATASET ${JSON.stringify(copyOf)}.` },
  );

/** Sixteen hex characters. */
export const recordId = (...parts: readonly string[]): string =>
  sha256(Buffer.from(parts.join('\n')))
    .toString('hex')
    .slice(0, 16);
