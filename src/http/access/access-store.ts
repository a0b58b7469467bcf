import { SyncError } from '../../core/sync-error.js';
import type { DataFiles } from '../../system/data-files.js';
import { noAccessRecords, type AccessRecords } from './access-records.js';

const fileName = 'access.json';

/** Users, sessions and tokens in one file that only the owner can read. */
export interface AccessStore {
  readonly records: AccessRecords;
  /** Resolves when it is durable. Changes are made one after the other. */
  change(make: (records: AccessRecords) => AccessRecords): Promise<void>;
  /** For what may be lost in a crash, such as when a session was last used: written with the next change. */
  note(make: (records: AccessRecords) => AccessRecords): void;
  flush(): Promise<void>;
}

/** A damaged file ends the start: to go on without users would open the way for a new first one. */
export async function openAccessStore(files: DataFiles): Promise<AccessStore> {
  let records = parsed(await files.read(fileName), files.path(fileName));
  let isNoted = false;
  let last: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    // One after the other, each with what holds when its turn comes.
    last = last
      .catch(() => undefined)
      .then(() => {
        isNoted = false;
        return files.write(fileName, JSON.stringify(records));
      });
    return last;
  };
  return {
    get records() {
      return records;
    },
    async change(make) {
      const before = records;
      records = make(records);
      try {
        await write();
      } catch (error) {
        records = before;
        throw error;
      }
    },
    note(make) {
      records = make(records);
      isNoted = true;
    },
    flush: () => (isNoted ? write() : last),
  };
}

function parsed(text: string | null, path: string): AccessRecords {
  if (text === null) return noAccessRecords;
  try {
    const { users, sessions, tokens } = JSON.parse(text) as AccessRecords;
    if (Array.isArray(users) && Array.isArray(sessions) && Array.isArray(tokens)) return { users, sessions, tokens };
  } catch {
    // Told below.
  }
  throw new SyncError('USYNC-1102', `The list of users ${path} is damaged.`, {
    nextStep: 'Restore it from a backup, or remove it and set the page up again: usync setup-link',
  });
}
