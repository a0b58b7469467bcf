import { SyncError } from '../core/sync-error.js';
import type { DataFiles } from '../system/data-files.js';

/** Servers that a person has announced and that have not joined yet. Of this server alone. */
export interface ExpectedServers {
  list(): readonly ExpectedServer[];
  add(server: ExpectedServer): Promise<void>;
  /** Null when there is none of this id or name. */
  remove(idOrName: string): Promise<ExpectedServer | null>;
}

export interface ExpectedServer {
  /** That of its invite. */
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly addedAtMs: number;
  readonly addedBy: string;
}

const fileName = 'expected.json';
const expectedMax = 100;

export async function openExpectedServers(files: DataFiles): Promise<ExpectedServers> {
  let servers = parsed(await files.read(fileName));
  const keep = async (next: readonly ExpectedServer[]): Promise<void> => {
    await files.write(fileName, JSON.stringify(next));
    servers = next;
  };
  return {
    list: () => servers,
    async add(server) {
      if (servers.length >= expectedMax)
        throw new SyncError('USYNC-1911', `${expectedMax} servers are expected already.`, {
          nextStep: 'Remove those that will not come.',
        });
      await keep([...servers.filter(({ name }) => name !== server.name), server]);
    },
    async remove(idOrName) {
      const found = servers.find(({ id, name }) => id === idOrName || name === idOrName);
      if (found) await keep(servers.filter((each) => each !== found));
      return found ?? null;
    },
  };
}

function parsed(text: string | null): readonly ExpectedServer[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? (value as ExpectedServer[]) : [];
  } catch {
    return [];
  }
}
