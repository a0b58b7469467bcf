import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import type { Disk, FileStats, WatchListener } from './disk.js';

/** The file system of the machine. */
export const createRealDisk = (): Disk => ({
  open: openSync,
  openOwn,
  close: closeSync,
  read: (handle, bytes, offset) => readSync(handle, bytes, 0, bytes.length, offset),
  write: (handle, bytes, offset) => writeSync(handle, bytes, 0, bytes.length, offset),
  truncate: ftruncateSync,
  sync: fsyncSync,
  syncContent: promisify(fsync),
  statsOf: (handle) => fstatSync(handle, { bigint: true }),
  setMode: fchmodSync,
  setTimes: (handle, seconds) => futimesSync(handle, seconds, seconds),
  look: (path) => lstatSync(path, statOptions) ?? null,
  lookThrough: (path): FileStats | null => statSync(path, statOptions) ?? null,
  readLink: (path) => readlinkSync(path),
  namesIn: (path) => readdirSync(path, { encoding: 'buffer' }),
  realPath: (path) => realpathSync(path),
  makeFolder: (path, mode) => mkdirSync(path, { mode }),
  setModeAt: chmodSync,
  removeFolder: (path) => rmdirSync(path),
  makeLink: (target, path) => symlinkSync(target, path),
  linkFile: linkSync,
  copyFile: (from, to) => copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE),
  rename: renameSync,
  removeFile: unlinkSync,
  space(path) {
    const { bavail, blocks, bsize } = statfsSync(path);
    return { free: bavail * bsize, total: blocks * bsize };
  },
  handlePath,
  hasHandlePaths: (handle) => process.platform === 'linux' && existsSync(`${handlePath(handle)}/.`),
  watch: watchFolder,
});

const statOptions = { bigint: true, throwIfNoEntry: false } as const;

/** By a handle that names the file alone, so that it is one file whose right is changed and that is opened. */
function openOwn(path: string): ReturnType<Disk['openOwn']> {
  if (process.platform !== 'linux') throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const named = openSync(path, nameOnly | constants.O_NOFOLLOW);
  try {
    const before = fstatSync(named, { bigint: true });
    chmodSync(handlePath(named), Number(before.mode & 0o777n) | 0o400);
    return { handle: openSync(handlePath(named), constants.O_RDONLY), before };
  } finally {
    closeSync(named);
  }
}

/** `O_PATH` of Linux, which Node.js has no name for. */
const nameOnly = 0o10000000;

function handlePath(handle: number): string {
  return `/proc/self/fd/${handle}`;
}

function watchFolder(path: string, listener: WatchListener): () => void {
  const watcher = watch(path);
  // Linux tells by its own name that the folder itself is gone; another one may stand there, which nobody watches yet.
  const own = process.platform === 'linux' ? basename(path) : null;
  watcher.on('change', (event, name) =>
    event === 'rename' && name === own ? listener.onEnd() : listener.onHint(nameOfHint(name)),
  );
  watcher.on('error', () => listener.onEnd());
  return () => watcher.close();
}

/** Names that are not UTF-8 came as replacement characters: the whole folder is looked at. */
const nameOfHint = (name: string | Buffer | null): string | null =>
  typeof name === 'string' && !name.includes('\uFFFD') ? name : null;
