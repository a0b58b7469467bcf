import type { FolderStatus } from '../databases/folder-calls.js';
import type { ConflictRecord, Proof, ReplicaPosition, TableReport } from '../databases/replica.js';
import { isEqualVector } from '../core/version-vector.js';
import type { System } from '../system/system.js';
import type { DatasetRunner } from './dataset-runner.js';
import { lookTimeoutMs, recordsMax } from './engine-limits.js';

/** What was last read of a dataset for the status. */
export interface DatasetLook {
  readonly position: ReplicaPosition | null;
  readonly tables: readonly TableReport[];
  readonly proof: Proof | null;
  /** Ids, up to a bound, decided ones included; without those that are settled in the data itself. */
  readonly conflicts: readonly string[];
  readonly quarantined: number;
  /** For a folder dataset: how its disk stands. */
  readonly folder: FolderStatus | null;
  /**
   * 0 when this is how it stands now. Else the dataset was busy for longer than a status may wait, or could not be read:
   * this is what was read before, and for so long nobody has known better.
   */
  readonly unansweredMs: number;
}

/** Reads what a status shows; asks the database for lists only when its vector has moved. */
export interface DatasetLooker {
  /**
   * Waits so long at most for a dataset that is at work; others that waited for it before count. One that is only slow,
   * since its file was closed or the machine is busy, is waited for longer: it would look busy at each question.
   */
  look(patienceMs?: number): Promise<DatasetLook>;
}

export const emptyLook: DatasetLook = {
  position: null,
  tables: [],
  proof: null,
  conflicts: [],
  quarantined: 0,
  folder: null,
  unansweredMs: 0,
};

/** How soon a work that begins while it is waited for is noticed. */
const slowStepMs = 5;

export function createDatasetLooker(runner: DatasetRunner, system: System): DatasetLooker {
  let last = emptyLook;
  let running: Promise<void> | null = null;
  /** Where the running look has got to: the position is told at once, also when all else waits for a landing. */
  let position: ReplicaPosition | null = null;
  /** Since when somebody has asked in vain. */
  let unansweredSinceMs: number | null = null;
  let startedMs = 0;
  function start(): Promise<void> {
    startedMs = system.monotonicMs();
    unansweredSinceMs ??= startedMs;
    position = null;
    return read(runner, last, (found) => (position = found)).then(
      (look) => {
        last = look;
        unansweredSinceMs = null;
        running = null;
        return undefined;
      },
      () => {
        running = null;
      },
    );
  }
  return {
    async look(patienceMs = lookTimeoutMs) {
      if (!runner.facts.isOpen) return last;
      running ??= start();
      const leftMs = (ofMs: number): number => Math.max(0, startedMs + ofMs - system.monotonicMs());
      await withinTime(running, { system, patienceMs: leftMs(patienceMs) });
      const isLooking = (): boolean => running !== null;
      while (isLooking() && !runner.isAtWork() && leftMs(lookTimeoutMs) > 0)
        await withinTime(running ?? Promise.resolve(), { system, patienceMs: slowStepMs });
      if (unansweredSinceMs === null) return last;
      const unansweredMs = Math.max(1, system.monotonicMs() - unansweredSinceMs);
      return { ...last, position: position ?? last.position, unansweredMs };
    },
  };
}

async function read(
  { replica }: DatasetRunner,
  last: DatasetLook,
  tell: (position: ReplicaPosition) => void,
): Promise<DatasetLook> {
  const position = await replica.position();
  tell(position);
  const isSame = last.position !== null && isEqualVector(last.position.vector, position.vector);
  const tables = await replica.tables();
  const proof = position.isFresh ? null : await replica.proof();
  const conflicts = isSame ? last.conflicts : openOnes(await replica.conflicts({ max: recordsMax }));
  // What is held may be freed without any change of the vector: a schema that now fits.
  const quarantined = (await replica.quarantine({ max: recordsMax })).length;
  const folder = (await replica.folder?.status()) ?? null;
  return { position, tables, proof, conflicts, quarantined, folder, unansweredMs: 0 };
}

const openOnes = (records: readonly ConflictRecord[]): string[] =>
  records.filter(({ settledMs }) => settledMs === null).map(({ id }) => id);

/** A long merge must not keep a person from seeing that it runs. */
function withinTime(
  work: Promise<void>,
  { system, patienceMs }: { readonly system: System; readonly patienceMs: number },
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = system.after(patienceMs, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
