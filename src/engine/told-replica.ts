import type { MergeOutcome, Replica } from '../databases/replica.js';
import type { Observe } from '../observe/event.js';

export interface MergeTold {
  readonly dataset: string;
  readonly observe: Observe;
}

/** A replica whose merges, whoever asks for them, tell of conflicts and of what cannot be shown yet. */
export function createToldReplica(replica: Replica, { dataset, observe }: MergeTold): Replica {
  const told = async (merging: Promise<MergeOutcome>): Promise<MergeOutcome> => {
    const outcome = await merging;
    const { conflicts, quarantined } = outcome;
    if (conflicts > 0) observe('info', { kind: 'conflicts', dataset, count: conflicts });
    if (quarantined > 0) observe('warn', { kind: 'quarantined', dataset, count: quarantined });
    return outcome;
  };
  return {
    ...replica,
    merge: (parts) => told(replica.merge(parts)),
    async receiveSnapshot(vector) {
      const writer = await replica.receiveSnapshot(vector);
      return { ...writer, finish: (choice) => told(writer.finish(choice)) };
    },
  };
}
