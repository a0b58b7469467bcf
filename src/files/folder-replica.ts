/**
 * The replica of a folder dataset: the replica of its table of entries, and the disk's side of it. Journal, vectors,
 * merging, snapshots, digests and forks are those of any table.
 */
import type { OriginId } from '../core/origin.js';
import type { MergeOutcome, QuarantineRecord, Replica, SnapshotWriter } from '../databases/replica.js';
import type { FolderCalls, WaitingEntry } from '../databases/folder-calls.js';
import { conflictCalls, recordId } from './folder-conflicts.js';
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
    // Those of the table are on attributes, and nobody is shown them; those of files are told of when their copies stand.
    return { ...result, conflicts: 0 };
  };
  return {
    ...entries,
    folder: work,
    async open(opening) {
      const report = await entries.open(opening);
      await work.open();
      // Capture on the table of entries says nothing to people: they see a folder.
      const notices = report.notices.filter(({ code }) => code !== 'triggers-installed');
      return { ...report, notices, tables: report.tables.filter(({ name }) => !isLocal(name)) };
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
      const { pending, problem, isReading } = await work.status();
      return {
        ...proof,
        // Not what the table holds back: equal entries of two servers are one here, and the disk shows all there is.
        // A folder that is stopped, or whose deletions are held, does not show what its table says either.
        // And what is being read is not in the table yet.
        held: problem === null && !isReading ? pending : Math.max(pending, 1),
        leftOut: proof.leftOut.filter((text) => !namesLocal(text, localTables)),
      };
    },
    tables: async () => (await entries.tables()).filter(({ name }) => !isLocal(name)),
    ...conflictCalls(entries, work),
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

/** A line of what is left out begins with the name of the table. */
const namesLocal = (text: string, tables: readonly string[]): boolean =>
  tables.some(
    (table) =>
      text === table || text.startsWith(`${table}:`) || text.startsWith(`${table}.`) || text.startsWith(`${table} `),
  );

const waitingRecord = ({ path, reason }: WaitingEntry): QuarantineRecord => ({
  id: recordId(path, reason),
  table: entriesTable,
  key: path,
  reason,
  freedBy: 'being tried again, which happens by itself',
  origin: '' as OriginId,
  atMs: 0,
  cells: [],
});
