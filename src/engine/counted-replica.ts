import type { Replica, SnapshotReader, SnapshotWriter } from '../databases/replica.js';

/** A replica, and whether it carries out something that may take long. */
export interface CountedReplica {
  readonly replica: Replica;
  /** False while only questions are under way: what is late then is not busy, but slow, and is worth waiting for. */
  isAtWork(): boolean;
}

const longCalls = [
  ...['open', 'drain', 'merge', 'audit', 'bucketSums', 'bucketRows', 'prune', 'newEpoch', 'cutBranch', 'setHeirs'],
  ...['restoreConflict', 'retryHeld', 'dropHeld', 'rowHistory', 'undo', 'recentChanges', 'applyWrites'],
] as const satisfies readonly (keyof Replica)[];

export function createCountedReplica(replica: Replica): CountedReplica {
  let underWay = 0;
  const counted =
    <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      underWay += 1;
      try {
        return await call(...args);
      } finally {
        underWay -= 1;
      }
    };
  const countedReader = (reader: SnapshotReader): SnapshotReader => ({ ...reader, next: counted(() => reader.next()) });
  const countedWriter = (writer: SnapshotWriter): SnapshotWriter => ({
    ...writer,
    add: counted((chunk) => writer.add(chunk)),
    preview: counted(() => writer.preview()),
    finish: counted((choice) => writer.finish(choice)),
  });
  const wrapped = longCalls.map((name) => [name, counted(replica[name] as (...args: never[]) => Promise<unknown>)]);
  return {
    isAtWork: () => underWay > 0,
    replica: {
      ...replica,
      ...(Object.fromEntries(wrapped) as Pick<Replica, (typeof longCalls)[number]>),
      openSnapshot: counted(async () => countedReader(await replica.openSnapshot())),
      receiveSnapshot: counted(async (vector) => countedWriter(await replica.receiveSnapshot(vector))),
    },
  };
}
