/** What one process sees of a virtual file system: the contract of the real disk, with handles that end with the process. */
import { constants } from 'node:fs';
import type { Disk, FileStats, WatchListener } from '../../src/system/disk.js';
import type { FileNode, Folder, PlainFile } from './file-node.js';
import { diskError, virtualDiskBytes, type NamedPlace, type VirtualFileSystem } from './virtual-file-system.js';

export interface DiskProcess {
  /** Called before each call; throws when the process is gone. `place` is where the call acts, if anywhere. */
  readonly step: (call: string, path: string) => void;
  /** Resolves when a sync in the background is done. */
  readonly later: () => Promise<void>;
  /** Hints come late or never. */
  readonly deliver: (hint: () => void) => void;
  /** Permissions are not asked of it. */
  readonly isSuperUser?: boolean;
  /** Told of each folder in which the process is about to change a name, and of each file that it opens. */
  readonly onReach?: (node: FileNode, folder: Folder, call: string) => void;
}

interface Handle {
  readonly node: FileNode;
  readonly flags: number;
}

interface View {
  readonly fs: VirtualFileSystem;
  readonly process: DiskProcess;
  readonly handles: Map<number, Handle>;
  lastHandle: number;
}

export function createVirtualDisk(fs: VirtualFileSystem, process: DiskProcess): Disk {
  const view: View = { fs, process, handles: new Map(), lastHandle: 10 };
  const { step } = process;
  return {
    ...handleCalls(view),
    ...nameCalls(view),
    look: (path) => (step('look', path), look(view, path, false)),
    lookThrough: (path) => (step('look', path), look(view, path, true)),
    readLink(path) {
      step('readlink', path);
      const node = find(view, path, false, 'readlink');
      if (node.kind !== 'link') throw diskError('EINVAL', 'readlink', path);
      return node.target;
    },
    namesIn(path) {
      step('readdir', path);
      const folder = folderAt(view, path, 'readdir');
      allow(view, folder, 0o400, 'readdir');
      return [...folder.entries.values()].map(({ name }) => Buffer.from(name));
    },
    realPath: (path) => (step('realpath', path), pathOf(folderAt(view, path, 'realpath'))),
    space: () => ({ free: fs.free, total: virtualDiskBytes }),
    handlePath: (handle) => `/proc/self/fd/${handle}`,
    hasHandlePaths: () => true,
    watch(path, listener) {
      step('watch', path);
      return watch(view, folderAt(view, path, 'watch'), listener);
    },
  };
}

type HandleCalls =
  | 'open'
  | 'openOwn'
  | 'close'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'syncContent'
  | 'statsOf'
  | 'setMode'
  | 'setTimes';

function handleCalls(view: View): Pick<Disk, HandleCalls> {
  const { fs, process } = view;
  const { step } = process;
  return {
    open: (path, flags, mode = 0o644) => (step('open', path), open(view, { path, flags, mode })),
    openOwn(path) {
      const handle = (step('open', path), open(view, { path, flags: constants.O_RDONLY, mode: 0 }));
      return { handle, before: statsOf(nodeOf(view, handle)) };
    },
    close: (handle) => void view.handles.delete(handle),
    read(handle, bytes, offset) {
      step('read', '');
      const { bytes: all } = fileOf(view, handle, 'read');
      const part = all.subarray(offset, offset + bytes.length);
      bytes.set(part);
      return part.length;
    },
    write(handle, bytes, offset) {
      step('write', '');
      const file = fileOf(view, handle, 'write');
      const whole = new Uint8Array(Math.max(file.bytes.length, offset + bytes.length));
      whole.set(file.bytes);
      whole.set(bytes, offset);
      fs.setBytes(file, whole, 'write');
      return bytes.length;
    },
    truncate(handle, size) {
      step('truncate', '');
      const file = fileOf(view, handle, 'truncate');
      if (file.bytes.length === size) return;
      const whole = new Uint8Array(size);
      whole.set(file.bytes.subarray(0, size));
      fs.setBytes(file, whole, 'truncate');
    },
    sync: (handle) => (step('sync', ''), fs.sync(nodeOf(view, handle))),
    async syncContent(handle) {
      step('sync', '');
      const node = nodeOf(view, handle);
      await process.later();
      fs.sync(node);
    },
    statsOf: (handle) => (step('fstat', ''), statsOf(nodeOf(view, handle))),
    setMode: (handle, mode) => (step('fchmod', ''), fs.setAttributes(nodeOf(view, handle), { mode })),
    setTimes(handle, seconds) {
      step('futimes', '');
      fs.setAttributes(nodeOf(view, handle), { mtimeNs: BigInt(Math.floor(seconds * 1e6)) * 1000n });
    },
  };
}

type NameCalls =
  'makeFolder' | 'setModeAt' | 'removeFolder' | 'makeLink' | 'linkFile' | 'copyFile' | 'rename' | 'removeFile';

function nameCalls(view: View): Pick<Disk, NameCalls> {
  const { fs, process } = view;
  const { step } = process;
  return {
    makeFolder(path, mode = 0o755) {
      step('mkdir', path);
      fs.setName(...named(newName(view, path, 'mkdir')), fs.makeFolder(mode), 'mkdir');
    },
    setModeAt(path, mode) {
      step('chmod', path);
      fs.setAttributes(find(view, path, true, 'chmod'), { mode });
    },
    removeFolder(path) {
      step('rmdir', path);
      const place = placeOf(view, path, 'rmdir');
      const node = there(view, place, 'rmdir', path);
      if (node.kind !== 'folder') throw diskError('ENOTDIR', 'rmdir', path);
      if (node.entries.size > 0) throw diskError('ENOTEMPTY', 'rmdir', path);
      reach(view, node, place.folder, 'rmdir');
      fs.setName(...named(place), null, 'rmdir');
    },
    makeLink(target, path) {
      step('symlink', path);
      fs.setName(...named(newName(view, path, 'symlink')), fs.makeLink(target), 'symlink');
    },
    linkFile(from, to) {
      step('link', to);
      const source = placeOf(view, from, 'link');
      const node = there(view, source, 'link', from);
      const target = newName(view, to, 'link');
      if (node.kind === 'folder') throw diskError('EPERM', 'link', from);
      fs.setName(...named(target), node, 'link');
    },
    copyFile(from, to) {
      step('copy', to);
      const source = find(view, from, true, 'copyfile');
      if (source.kind !== 'file') throw diskError('EISDIR', 'copyfile', from);
      allow(view, source, 0o400, 'copyfile');
      const file = fs.makeFile(source.mode);
      fs.setName(...named(newName(view, to, 'copyfile')), file, 'copy');
      fs.setBytes(file, source.bytes, 'copy');
    },
    rename(from, to) {
      step('rename', to);
      rename(view, from, to);
    },
    removeFile(path) {
      step('unlink', path);
      const place = placeOf(view, path, 'unlink');
      const node = there(view, place, 'unlink', path);
      if (node.kind === 'folder') throw diskError('EISDIR', 'unlink', path);
      allow(view, place.folder, 0o200, 'unlink');
      reach(view, node, place.folder, 'unlink');
      fs.setName(...named(place), null, 'unlink');
    },
  };
}

const named = ({ folder, name }: NamedPlace): [Folder, string] => [folder, name];

function open(view: View, { path, flags, mode }: { path: string; flags: number; mode: number }): number {
  const { fs, handles } = view;
  const isFollowed = (flags & constants.O_NOFOLLOW) === 0;
  let node = lookUp(view, path, isFollowed, 'open');
  if (node !== null && (flags & constants.O_CREAT) !== 0 && (flags & constants.O_EXCL) !== 0)
    throw diskError('EEXIST', 'open', path);
  if (node === null) {
    if ((flags & constants.O_CREAT) === 0) throw diskError('ENOENT', 'open', path);
    node = fs.makeFile(mode);
    fs.setName(...named(newName(view, path, 'open')), node, 'create');
  } else {
    if (node.kind === 'link') throw diskError('ELOOP', 'open', path);
    const isWriting = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    if (node.kind === 'folder' && isWriting) throw diskError('EISDIR', 'open', path);
    if (node.kind !== 'folder' && (flags & constants.O_DIRECTORY) !== 0) throw diskError('ENOTDIR', 'open', path);
    allow(view, node, isWriting ? 0o200 : 0o400, 'open');
    const [place] = node.places;
    if (node.kind === 'file' && place) view.process.onReach?.(node, place.folder, 'open');
    if (node.kind === 'file' && (flags & constants.O_TRUNC) !== 0 && node.bytes.length > 0)
      fs.setBytes(node, new Uint8Array(), 'truncate');
  }
  const handle = ++view.lastHandle;
  handles.set(handle, { node, flags });
  return handle;
}

function rename(view: View, from: string, to: string): void {
  const { fs } = view;
  const source = placeOf(view, from, 'rename');
  const target = placeOf(view, to, 'rename');
  const node = there(view, source, 'rename', from);
  const before = target.folder.entries.get(fs.key(target.name))?.node ?? null;
  if (before === node && source.folder === target.folder && source.name === target.name) return;
  // Two names of one file: nothing is done, and it is no error.
  if (before === node && node.kind !== 'folder' && fs.key(source.name) !== fs.key(target.name)) return;
  for (let at: Folder | null = target.folder; at !== null; at = at.parent)
    if (at === node) throw diskError('EINVAL', 'rename', to);
  for (let at: Folder | null = source.folder; at !== null; at = at.parent)
    if (at === before) throw diskError('ENOTEMPTY', 'rename', to);
  if (before !== null && before !== node) {
    if (before.kind === 'folder' && node.kind !== 'folder') throw diskError('EISDIR', 'rename', to);
    if (before.kind !== 'folder' && node.kind === 'folder') throw diskError('ENOTDIR', 'rename', to);
    if (before.kind === 'folder' && before.entries.size > 0) throw diskError('ENOTEMPTY', 'rename', to);
  }
  for (const { folder } of [source, target]) allow(view, folder, 0o200, 'rename');
  reach(view, node, source.folder, 'rename');
  reach(view, node, target.folder, 'rename');
  fs.move(source, target);
}

function reach(view: View, node: FileNode, folder: Folder, call: string): void {
  view.process.onReach?.(node, folder, call);
}

/** Where a new name can be made. */
function newName(view: View, path: string, call: string): NamedPlace {
  const place = placeOf(view, path, call);
  const old = place.folder.entries.get(view.fs.key(place.name));
  if (old) throw diskError('EEXIST', call, path);
  if (view.fs.free <= 0) throw diskError('ENOSPC', call, path);
  allow(view, place.folder, 0o200, call);
  reach(view, place.folder, place.folder, call);
  return place;
}

function there(view: View, { folder, name }: NamedPlace, call: string, path: string): FileNode {
  const found = folder.entries.get(view.fs.key(name))?.node;
  if (!found) throw diskError('ENOENT', call, path);
  return found;
}

function allow({ process }: View, { mode }: FileNode, bits: number, call: string): void {
  if (process.isSuperUser !== true && (mode & bits) !== bits) throw diskError('EACCES', call);
}

const linksMax = 40;

interface Walked {
  readonly folder: Folder;
  /** Empty: the folder itself. */
  readonly name: string;
}

/** Follows all but the last name. */
function walk(view: View, path: string, call: string, links = 0): Walked {
  const match = /^\/proc\/self\/fd\/(\d+)(?:\/(.*))?$/.exec(path);
  const start = match ? nodeOf(view, Number(match[1])) : view.fs.top;
  if (start.kind !== 'folder') throw diskError('ENOTDIR', call, path);
  const names = (match ? (match[2] ?? '') : path).split('/').filter((name) => name !== '' && name !== '.');
  return walkFrom(view, start, names, { call, path, links });
}

interface WalkFacts {
  readonly call: string;
  readonly path: string;
  readonly links: number;
}

function walkFrom(view: View, start: Folder, names: readonly string[], facts: WalkFacts): Walked {
  const { call, path, links } = facts;
  if (links > linksMax) throw diskError('ELOOP', call, path);
  let folder = start;
  for (const [at, name] of names.entries()) {
    allow(view, folder, 0o100, call);
    if (at === names.length - 1 && name !== '..') return { folder, name };
    if (name === '..') {
      folder = folder.parent ?? folder;
      continue;
    }
    const next = folder.entries.get(view.fs.key(name))?.node;
    if (!next) throw diskError('ENOENT', call, path);
    if (next.kind === 'link') {
      const rest = [...next.target.split('/').filter((each) => each !== '' && each !== '.'), ...names.slice(at + 1)];
      return walkFrom(view, next.target.startsWith('/') ? view.fs.top : folder, rest, { call, path, links: links + 1 });
    }
    if (next.kind !== 'folder') throw diskError('ENOTDIR', call, path);
    folder = next;
  }
  return { folder, name: '' };
}

function placeOf(view: View, path: string, call: string): NamedPlace {
  const found = walk(view, path, call);
  if (found.name === '') throw diskError('EINVAL', call, path);
  return found;
}

/** Null where nothing is. */
function lookUp(view: View, path: string, isFollowed: boolean, call: string): FileNode | null {
  let { folder, name } = walk(view, path, call);
  for (let links = 0; ; links++) {
    if (name === '') return folder;
    const node = folder.entries.get(view.fs.key(name))?.node ?? null;
    if (node?.kind !== 'link' || !isFollowed) return node;
    if (links > linksMax) throw diskError('ELOOP', call, path);
    const names = node.target.split('/').filter((each) => each !== '' && each !== '.');
    const start = node.target.startsWith('/') ? view.fs.top : folder;
    ({ folder, name } = walkFrom(view, start, names, { call, path, links }));
  }
}

function find(view: View, path: string, isFollowed: boolean, call: string): FileNode {
  const node = lookUp(view, path, isFollowed, call);
  if (node === null) throw diskError('ENOENT', call, path);
  return node;
}

function folderAt(view: View, path: string, call: string): Folder {
  const node = find(view, path, true, call);
  if (node.kind !== 'folder') throw diskError('ENOTDIR', call, path);
  return node;
}

function look(view: View, path: string, isFollowed: boolean): FileStats | null {
  try {
    const node = lookUp(view, path, isFollowed, 'lstat');
    return node === null ? null : statsOf(node);
  } catch (error) {
    // As the real one with `throwIfNoEntry`.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

const kindBits = { file: 0o100_000, folder: 0o040_000, link: 0o120_000 } as const;

const statsOf = (node: FileNode): FileStats => ({
  dev: 1n,
  ino: node.ino,
  nlink: BigInt(node.places.length),
  mode: BigInt(kindBits[node.kind] | node.mode),
  size: BigInt(node.kind === 'file' ? node.bytes.length : node.kind === 'link' ? node.target.length : 4096),
  mtimeNs: node.mtimeNs,
  ctimeNs: node.ctimeNs,
  isFile: () => node.kind === 'file',
  isDirectory: () => node.kind === 'folder',
  isSymbolicLink: () => node.kind === 'link',
  isSocket: () => false,
  isFIFO: () => false,
});

function nodeOf({ handles }: View, handle: number): FileNode {
  const found = handles.get(handle);
  if (!found) throw diskError('EBADF', 'fd', String(handle));
  return found.node;
}

function fileOf(view: View, handle: number, call: string): PlainFile {
  const node = nodeOf(view, handle);
  if (node.kind !== 'file') throw diskError('EISDIR', call);
  return node;
}

/** The path by which a folder is reached now. */
export function pathOf(folder: Folder): string {
  const [place] = folder.places;
  if (!place) return '/';
  const name = place.folder.entries.get(place.key)?.name ?? '';
  const parent = pathOf(place.folder);
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

function watch({ process }: View, { watches }: Folder, listener: WatchListener): () => void {
  const hint = (name: string | null): void => process.deliver(() => listener.onHint(name));
  watches.add(hint);
  return () => void watches.delete(hint);
}
