/**
 * The replica of a folder dataset: the replica of its table of entries, and the disk's side of it. Journal, vectors,
 * merging, snapshots, digests and forks are those of any table.
 */
import type { Entry } from '../core/entry.js';
import { SyncError } from '../core/sync-error.js';
import type { OriginId } from '../core/origin.js';
import type { ConflictRecord, MergeOutcome, QuarantineRecord, Replica, SnapshotWriter } from '../databases/replica.js';
import type { FolderCalls, WaitingEntry } from '../databases/folder-calls.js';
import { sha256 } from './content-hash.js';
import { addMet, entriesTable, noneMet, type MetEntries } from './met-entries.js';

/** The disk's side, in whatever thread it runs. */
export interface FolderWork extends FolderCalls {
  open(): Promise<void>;
  onTable(): void;
  /** Compares one chunk of a snapshot with what is here; changes nothing. */
  meet(chunk: Uint8Array): Promise<MetEntries>;
  close(): Promise<void>;
}

export interface FolderReplicaOptions {
  readonly entries: Replica;
  readonly work: FolderWork;
  /** Tables beside the entries, which are this server's own. */
  readonly localTables: readonly string[];
}

export function createFolderReplica({ entries, work, localTables }: FolderReplicaOptions): Replica {
  const isLocal = (name: string): boolean => localTables.includes(name);
  const placed = async (outcome: Promise<MergeOutcome>): Promise<MergeOutcome> => {
    const result = await outcome;
    work.onTable();
    return result;
  };
  return {
    ...entries,
    folder: work,
    async open(opening) {
      const report = await entries.open(opening);
      await work.open();
      return { ...report, tables: report.tables.filter(({ name }) => !isLocal(name)) };
    },
    merge: (parts) => placed(entries.merge(parts)),
    receiveSnapshot: async (vector): Promise<SnapshotWriter> => {
      const writer = await entries.receiveSnapshot(vector);
      let met = noneMet;
      return {
        ...writer,
        async add(chunk) {
          // In this order: the one who takes it may keep its bytes.
          met = addMet(met, await work.meet(chunk));
          await writer.add(chunk);
        },
        async preview() {
          const { isUnclear } = await writer.preview();
          const { entries: here } = await work.status();
          const onlyHere = Math.max(here - met.same - met.differing, 0);
          return { tables: [{ table: entriesTable, ...met, apart: 0, onlyHere }], isUnclear };
        },
        finish: (choice) => placed(writer.finish(choice)),
      };
    },
    async proof() {
      const proof = await entries.proof();
      const { pending, problem } = await work.status();
      return {
        ...proof,
        // Not what the table holds back: equal entries of two servers are one here, and the disk shows all there is.
        // A folder that is stopped, or whose deletions are held, does not show what its table says either.
        held: problem === null ? pending : Math.max(pending, 1),
        leftOut: proof.leftOut.filter((text) => !namesLocal(text, localTables)),
      };
    },
    tables: async () => (await entries.tables()).filter(({ name }) => !isLocal(name)),
    conflicts: async ({ max, idStart = '' }) =>
      (await work.copies(idStart === '' ? max : copiesMax)).map(conflictOf).filter(({ id }) => id.startsWith(idStart)),
    async restoreConflict(id) {
      const found = (await work.copies(copiesMax)).find((copy) => conflictOf(copy).id === id);
      if (found === undefined) throw new SyncError('USYNC-1800', `"${id}" is not the id of one conflict copy.`);
      await work.restoreCopy(found.path);
      return { kind: 'restored', rows: 1 };
    },
    quarantine: async ({ max, idStart = '' }) => [
      ...(await work.waiting(max)).map(waitingRecord).filter(({ id }) => id.startsWith(idStart)),
      ...(await entries.quarantine({ max, idStart })),
    ],
    async close() {
      await work.close();
      await entries.close();
    },
  };
}

const copiesMax = 100_000;

/** A line of what is left out begins with the name of the table. */
const namesLocal = (text: string, tables: readonly string[]): boolean =>
  tables.some(
    (table) =>
      text === table || text.startsWith(`${table}:`) || text.startsWith(`${table}.`) || text.startsWith(`${table} `),
  );

/** The losing edit stands beside the winner: the conflict is open as long as its copy stands. */
const conflictOf = ({ path, version, author, time, copyOf }: Entry): ConflictRecord => ({
  id: idOf(path, version),
  table: entriesTable,
  key: copyOf ?? path,
  column: null,
  rule: 'both edits are kept',
  kept: copyOf ?? path,
  lost: path,
  rest: null,
  lostOrigin: author as OriginId,
  keptOrigin: null,
  atMs: time,
  noticedMs: time,
  canRestore: true,
});

const waitingRecord = ({ path, reason }: WaitingEntry): QuarantineRecord => ({
  id: idOf(path, reason),
  table: entriesTable,
  key: path,
  reason,
  freedBy: 'being tried again, which happens by itself',
  origin: '' as OriginId,
  atMs: 0,
  cells: [],
});

const idOf = (...parts: readonly string[]): string =>
  sha256(Buffer.from(parts.join('\n')))
    .toString('hex')
    .slice(0, 16);
