import type { EntryTable } from '../databases/entry-table.js';
import type { ReplicaWork } from '../databases/replica.js';
import type { System } from '../system/system.js';
import { isAsRecorded, lookAt } from './disk-look.js';
import { joinPath } from './entry-path.js';
import type { FolderContext } from './folder-context.js';
import { reasonToLeaveOut } from './left-out.js';

/** Tells people how far the first look at a folder is. Later looks read little, and are not told of. */
export interface ScanWork {
  /** Counts what there is to read: the list of names, which costs little beside the reading, tells how long that takes. */
  begin(context: FolderContext): Promise<void>;
  /** So many bytes of files were read. */
  read(bytes: number): void;
  /** `isWhole`: the look came to its end, and the next one is no first one. */
  end(isWhole: boolean): void;
}

export type TellWork = (work: ReplicaWork | null) => void;

const toldEveryMs = 100;
const seenWhole = 'seen-whole';

export function createScanWork(system: System, table: EntryTable, tell: TellWork | undefined): ScanWork {
  let toldAtMs = -Infinity;
  let [done, total]: [number, number | null] = [0, null];
  const say = (work: ReplicaWork): void => {
    const nowMs = system.monotonicMs();
    if (nowMs - toldAtMs < toldEveryMs) return;
    toldAtMs = nowMs;
    tell?.(work);
  };
  return {
    async begin(context) {
      if (tell === undefined || table.value(seenWhole) !== null) return;
      let [files, bytes] = [0, 0];
      for await (const unread of unreadFiles(context)) {
        files += unread.files;
        bytes += unread.bytes;
        say({ kind: 'counting', done: files, total: null });
      }
      [done, total] = [0, bytes];
      toldAtMs = -Infinity;
      say({ kind: 'hashing', done, total });
    },
    read(bytes) {
      if (total === null) return;
      // A file may have grown since it was counted.
      done = Math.min(total, done + bytes);
      say({ kind: 'hashing', done, total });
    },
    end(isWhole) {
      if (total === null) return;
      total = null;
      toldAtMs = -Infinity;
      if (isWhole) table.setValue(seenWhole, 'yes');
      tell?.(null);
    },
  };
}

interface UnreadFiles {
  readonly files: number;
  readonly bytes: number;
}

/** Files that are not as recorded, folder by folder. What cannot be listed is not counted: the scan tells why. */
async function* unreadFiles(context: FolderContext): AsyncGenerator<UnreadFiles> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    yield unreadIn(context, folder, folders);
    await context.system.pause();
  }
}

function unreadIn(context: FolderContext, folder: string, folders: string[]): UnreadFiles {
  const { root, table } = context;
  let [files, bytes] = [0, 0];
  const records = new Map(table.disk.in(folder).map((record) => [record.path, record]));
  try {
    root.inFolder(folder, (place) => {
      for (const name of root.disk.namesIn(place(''))) {
        const path = joinPath(folder, name.toString());
        const look = lookAt(root.disk, place(name.toString()));
        if (look.kind !== 'folder' && look.kind !== 'file') continue;
        if (reasonToLeaveOut(context, path, look.kind === 'folder') !== null) continue;
        if (look.kind === 'folder') folders.push(path);
        else if (!isAsRecorded(look, records.get(path) ?? null)) [files, bytes] = [files + 1, bytes + look.size];
      }
    });
  } catch {
    // It vanished, or may not be read.
  }
  return { files, bytes };
}
