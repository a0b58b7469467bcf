import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessageOf, SyncError } from '../core/sync-error.js';
import type { DataFiles } from './data-files.js';
import { codeOf, isDiskFull } from './disk.js';
import { createLane, type Lane } from './lane.js';
import { randomHex } from './random.js';
import type { System } from './system.js';

/**
 * Files in a real folder, which is created when it is missing (mode 0700).
 * Throws `USYNC-1102` where the folder cannot be used and `USYNC-1207` when the disk is full.
 */
export async function openDiskDataFiles(folder: string, system: System): Promise<DataFiles> {
  await guarded(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }));
  const laneByName = new Map<string, Lane>();
  /** What is asked for first is there first: the last content that was given is the one that stays. */
  const inOrder = (name: string, action: () => Promise<void>): Promise<void> => {
    const lane = laneByName.get(name) ?? createLane();
    laneByName.set(name, lane);
    return lane(() => guarded(path(name), action));
  };
  const path = (name: string): string => join(folder, checkedName(name));
  return {
    path,
    read: (name) => guarded(path(name), () => absentAsNull(readFile(path(name), 'utf8'))),
    write: (name, content) =>
      inOrder(name, () => replaceFile({ folder, name: checkedName(name), content, suffix: randomHex(system, 6) })),
    remove: (name) =>
      inOrder(name, async () => {
        await rm(path(name), { force: true });
        await syncFolder(folder);
      }),
    seal: (name) =>
      guarded(path(name), async () => {
        const found = await absentAsNull(stat(path(name), { bigint: true }));
        return found && { inode: String(found.ino), changedNs: String(found.ctimeNs) };
      }),
    list: () => guarded(folder, () => readdir(folder)),
    removeLeftovers: () => guarded(folder, () => removeLeftovers(folder)),
  };
}

const temporaryMark = '.writing-';
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

function checkedName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new SyncError('USYNC-1001', `"${name}" is not a name of a file in the data folder.`);
}

interface Replacement {
  readonly folder: string;
  readonly name: string;
  readonly content: string;
  readonly suffix: string;
}

async function replaceFile({ folder, name, content, suffix }: Replacement): Promise<void> {
  const temporary = join(folder, `${name}${temporaryMark}${suffix}`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A umask may have taken bits away, never added any; an owner's bits must be there.
    await chmod(temporary, 0o600);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Makes the rename itself survive a power loss. Some systems cannot open folders; there the rename is durable enough. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Files of writes that a crash cut off. Their content was never the content of anything. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.includes(temporaryMark)) await rm(join(folder, name), { force: true });
}

async function absentAsNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function guarded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SyncError) throw error;
    const isFull = isDiskFull(error);
    throw new SyncError(
      isFull ? 'USYNC-1207' : 'USYNC-1102',
      isFull ? `The disk of ${path} is full.` : `The data folder cannot be used: ${errorMessageOf(error)}.`,
      { facts: { path }, cause: error },
    );
  }
}
