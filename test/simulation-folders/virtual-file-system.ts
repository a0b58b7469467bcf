/**
 * The file system of one virtual machine, in memory. Every call is one step, as a system call is. What was not synced
 * may be lost at a power loss: of a file its content, mode and times; of a folder each name by itself, which is harsher
 * than the journals of real file systems are.
 */
import type { Random } from '../simulation/random.js';
import type { FileNode, Folder, LinkNode, NamedNode, PlainFile } from './file-node.js';

export interface FileSystemOptions {
  readonly nowMs: () => number;
  /** Names that differ only by case are one name. */
  readonly foldsCase?: boolean;
  /** Times move on in steps of so many milliseconds; 0: each change has a time of its own. */
  readonly tickMs?: number;
}

/** One change, told after it was made. */
export interface FileChange {
  readonly call: string;
  /** The folder whose names changed; null when a file itself did. */
  readonly folder: Folder | null;
  readonly name: string;
  readonly before: FileNode | null;
  readonly after: FileNode | null;
}

export interface VirtualFileSystem {
  readonly top: Folder;
  /** Bytes that may still be written; a full disk takes no new names either. */
  free: number;
  onChange: (change: FileChange) => void;
  key(name: string): string;
  makeFile(mode: number): PlainFile;
  makeFolder(mode: number): Folder;
  makeLink(target: string): LinkNode;
  setName(folder: Folder, name: string, node: FileNode | null, call: string): void;
  /** Both names at once: nobody sees the moment between. */
  move(from: NamedPlace, to: NamedPlace): void;
  setBytes(file: PlainFile, bytes: Uint8Array, call: string): void;
  setAttributes(node: FileNode, attributes: { readonly mode?: number; readonly mtimeNs?: bigint }): void;
  sync(node: FileNode): void;
  /** Nobody works on the disk at that moment. */
  losePower(random: Random): void;
}

export interface NamedPlace {
  readonly folder: Folder;
  readonly name: string;
}

interface FileSystemState {
  readonly options: FileSystemOptions;
  lastIno: bigint;
  lastNs: bigint;
  fs: VirtualFileSystem | null;
}

export const virtualDiskBytes = 1e9;

export function createFileSystem(options: FileSystemOptions): VirtualFileSystem {
  const state: FileSystemState = { options, lastIno: 1n, lastNs: 0n, fs: null };
  const top = makeFolder(state, 0o755);
  const fs: VirtualFileSystem = {
    top,
    free: virtualDiskBytes,
    onChange: () => undefined,
    key: (name) => keyOf(state, name),
    makeFile: (mode) => ({ kind: 'file', ...base(state, mode), bytes: new Uint8Array(), durable: null }),
    makeFolder: (mode) => makeFolder(state, mode),
    makeLink: (target) => ({ kind: 'link', ...base(state, 0o777), target }),
    setName: (folder, name, node, call) => setName(state, { folder, name, node, call }),
    move: (from, to) => move(state, from, to),
    setBytes(file, bytes, call) {
      if (fs.free < bytes.length - file.bytes.length) throw diskError('ENOSPC', call);
      fs.free -= bytes.length - file.bytes.length;
      file.bytes = bytes;
      file.mtimeNs = file.ctimeNs = tick(state);
      for (const { folder, key } of file.places) hint(folder, folder.entries.get(key)?.name ?? null);
      fs.onChange({ call, folder: null, name: '', before: file, after: file });
    },
    setAttributes(node, { mode, mtimeNs }) {
      node.mode = mode ?? node.mode;
      node.mtimeNs = mtimeNs ?? node.mtimeNs;
      node.ctimeNs = tick(state);
      for (const { folder, key } of node.places) hint(folder, folder.entries.get(key)?.name ?? null);
      fs.onChange({ call: 'attributes', folder: null, name: '', before: node, after: node });
    },
    sync,
    losePower: (random) => losePower(state, top, random),
  };
  state.fs = fs;
  return fs;
}

function keyOf({ options }: FileSystemState, name: string): string {
  return options.foldsCase === true ? name.normalize('NFC').toLowerCase() : name;
}

function tick(state: FileSystemState): bigint {
  const { nowMs, tickMs = 0 } = state.options;
  const nowNs = BigInt(Math.trunc(nowMs())) * 1_000_000n;
  if (tickMs > 0) return nowNs - (nowNs % (BigInt(tickMs) * 1_000_000n));
  state.lastNs = nowNs > state.lastNs ? nowNs : state.lastNs + 1n;
  return state.lastNs;
}

function base(state: FileSystemState, mode: number) {
  const now = tick(state);
  return { ino: ++state.lastIno, mode, mtimeNs: now, ctimeNs: now, places: [] };
}

const makeFolder = (state: FileSystemState, mode: number): Folder => ({
  kind: 'folder',
  ...base(state, mode),
  entries: new Map(),
  durable: new Map(),
  watches: new Set(),
  parent: null,
});

interface Naming extends NamedPlace {
  readonly node: FileNode | null;
  readonly call: string;
}

function setName(state: FileSystemState, naming: Naming): void {
  const { folder, name, node, call } = naming;
  const before = folder.entries.get(keyOf(state, name))?.node ?? null;
  put(state, naming);
  state.fs?.onChange({ call, folder, name, before, after: node });
}

function put(state: FileSystemState, { folder, name, node }: Naming): void {
  const key = keyOf(state, name);
  const old = folder.entries.get(key);
  const now = tick(state);
  if (old) {
    const { places } = old.node;
    places.splice(
      places.findIndex((place) => place.folder === folder && place.key === key),
      1,
    );
    old.node.ctimeNs = now;
    if (old.node.kind === 'folder' && old.node.parent === folder && node !== old.node) old.node.parent = null;
  }
  if (node === null) folder.entries.delete(key);
  else {
    folder.entries.set(key, { name, node });
    node.places.push({ folder, key });
    node.ctimeNs = now;
    if (node.kind === 'folder') node.parent = folder;
  }
  folder.mtimeNs = folder.ctimeNs = now;
  hint(folder, name);
}

function move(state: FileSystemState, from: NamedPlace, to: NamedPlace): void {
  const node = from.folder.entries.get(keyOf(state, from.name))?.node ?? null;
  const before = to.folder.entries.get(keyOf(state, to.name))?.node ?? null;
  put(state, { ...from, node: null, call: 'rename' });
  put(state, { ...to, node, call: 'rename' });
  state.fs?.onChange({ call: 'rename', ...to, before, after: node });
  state.fs?.onChange({ call: 'rename-away', ...from, before: node, after: null });
}

function hint({ watches }: Folder, name: string | null): void {
  for (const watch of watches) watch(name);
}

function sync(node: FileNode): void {
  if (node.kind === 'file') node.durable = { bytes: node.bytes, mode: node.mode, mtimeNs: node.mtimeNs };
  if (node.kind !== 'folder') return;
  node.durable.clear();
  for (const [key, named] of node.entries) node.durable.set(key, named);
}

function losePower(state: FileSystemState, top: Folder, random: Random): void {
  const seen = new Set<FileNode>();
  const visit = (node: FileNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    node.places.length = 0;
    if (node.kind === 'file') loseContent(state, node, random);
    if (node.kind !== 'folder') return;
    node.watches.clear();
    loseNames(node, random);
    for (const [key, { node: inner }] of node.entries) {
      // Two names of one folder cannot be: a file system's check after the crash leaves one.
      if (inner.kind === 'folder' && seen.has(inner)) node.entries.delete(key);
      else visit(inner);
    }
    sync(node);
  };
  visit(top);
  const name = (folder: Folder): void => {
    for (const [key, { node }] of folder.entries) {
      node.places.push({ folder, key });
      if (node.kind !== 'folder') continue;
      node.parent = folder;
      name(node);
    }
  };
  name(top);
  state.lastNs += 1n;
}

function loseNames({ entries, durable }: Folder, random: Random): void {
  for (const key of new Set([...entries.keys(), ...durable.keys()])) {
    const [live, old] = [entries.get(key), durable.get(key)];
    if (live?.node === old?.node || random.chance(0.5)) continue;
    if (old) entries.set(key, old);
    else entries.delete(key);
  }
}

/** Content that is not what it was has other times: a file system that keeps the times is beyond what anybody notices. */
function loseContent(state: FileSystemState, file: PlainFile, random: Random): void {
  const { durable, bytes } = file;
  if (durable?.bytes !== bytes)
    file.bytes = random.pick([bytes, durable?.bytes ?? new Uint8Array(), torn(file, random)]);
  if (file.bytes !== bytes) file.mtimeNs = file.ctimeNs = tick(state);
  else if (durable !== null && random.chance(0.5)) [file.mode, file.mtimeNs] = [durable.mode, durable.mtimeNs];
  sync(file);
}

/** Some of the blocks were written, the others are zeros. */
const torn = ({ bytes }: PlainFile, random: Random): Uint8Array => {
  const from = random.below(bytes.length + 1);
  return bytes.map((byte, at) => (at < from ? byte : 0));
};

const texts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file already exists',
  ENOTDIR: 'not a directory',
  EISDIR: 'illegal operation on a directory',
  ENOTEMPTY: 'directory not empty',
  ELOOP: 'too many symbolic links encountered',
  ENOSPC: 'no space left on device',
  EACCES: 'permission denied',
  EBADF: 'bad file descriptor',
  EINVAL: 'invalid argument',
};

export const diskError = (code: string, call: string, path = ''): Error =>
  Object.assign(new Error(`${code}: ${texts[code] ?? code}, ${call} '${path}'`), { code, syscall: call });

export type { NamedNode };
