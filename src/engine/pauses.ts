import { isServerId, type ServerId } from '../core/origin.js';
import type { DataFiles } from '../system/data-files.js';
import { createLane } from '../system/lane.js';

/** Servers that a person has paused: no connection with them until they are resumed. Of this server alone; survives restarts. */
export interface Pauses {
  readonly isAll: boolean;
  readonly ids: readonly ServerId[];
  isPaused(server: ServerId): boolean;
  /** Null: all servers, also those to come. */
  pause(server: ServerId | null): Promise<void>;
  resume(server: ServerId | null): Promise<void>;
}

const fileName = 'paused.json';

interface Stored {
  readonly isAll: boolean;
  readonly ids: readonly ServerId[];
}

export async function openPauses(files: DataFiles): Promise<Pauses> {
  let stored = parsed(await files.read(fileName));
  const lane = createLane();
  const change = (next: (before: Stored) => Stored): Promise<void> =>
    lane(async () => {
      const after = next(stored);
      await files.write(fileName, JSON.stringify(after));
      stored = after;
    });
  return {
    get isAll() {
      return stored.isAll;
    },
    get ids() {
      return stored.ids;
    },
    isPaused: (server) => stored.isAll || stored.ids.includes(server),
    pause: (server) =>
      change(({ isAll, ids }) =>
        server === null ? { isAll: true, ids } : { isAll, ids: [...new Set([...ids, server])] },
      ),
    resume: (server) =>
      change(({ isAll, ids }) =>
        server === null ? { isAll: false, ids: [] } : { isAll, ids: ids.filter((each) => each !== server) },
      ),
  };
}

/** A damaged file pauses nobody. */
function parsed(text: string | null): Stored {
  try {
    const { isAll, ids } = JSON.parse(text ?? '{}') as Partial<Stored>;
    return { isAll: isAll === true, ids: Array.isArray(ids) ? ids.filter(isServerId) : [] };
  } catch {
    return { isAll: false, ids: [] };
  }
}
