import { isServerId, type ServerId } from '../core/origin.js';
import type { DataFiles } from '../system/data-files.js';

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
  const keep = async (next: Stored): Promise<void> => {
    await files.write(fileName, JSON.stringify(next));
    stored = next;
  };
  return {
    get isAll() {
      return stored.isAll;
    },
    get ids() {
      return stored.ids;
    },
    isPaused: (server) => stored.isAll || stored.ids.includes(server),
    pause: (server) =>
      keep(server === null ? { ...stored, isAll: true } : { ...stored, ids: [...new Set([...stored.ids, server])] }),
    resume: (server) =>
      keep(
        server === null ? { isAll: false, ids: [] } : { ...stored, ids: stored.ids.filter((each) => each !== server) },
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
