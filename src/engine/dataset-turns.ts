/**
 * Who a replica catches up from: of several sessions that offer the same dataset, one at a time is let to stream in
 * bulk, in the order in which they asked. What several peers hold is so fetched once.
 */
export interface DatasetTurns {
  /** `onTurn` is called at once or when the sessions before have ended their turns. Asking twice changes nothing. */
  want(dataset: string, session: object, onTurn: () => void): void;
  /** Ends the turn, or takes the wish back. */
  end(dataset: string, session: object): void;
  endAll(session: object): void;
}

interface Waiting {
  readonly session: object;
  readonly onTurn: () => void;
}

export function createDatasetTurns(): DatasetTurns {
  /** The first of each list holds the turn. */
  const queueByDataset = new Map<string, Waiting[]>();
  const end = (dataset: string, session: object): void => {
    const queue = queueByDataset.get(dataset) ?? [];
    const at = queue.findIndex((waiting) => waiting.session === session);
    if (at < 0) return;
    queue.splice(at, 1);
    if (at === 0) queue[0]?.onTurn();
  };
  return {
    want(dataset, session, onTurn) {
      const queue = queueByDataset.get(dataset) ?? [];
      queueByDataset.set(dataset, queue);
      if (queue.some((waiting) => waiting.session === session)) return;
      queue.push({ session, onTurn });
      if (queue.length === 1) onTurn();
    },
    end,
    endAll(session) {
      for (const dataset of queueByDataset.keys()) end(dataset, session);
    },
  };
}
