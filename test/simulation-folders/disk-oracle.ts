/** Judges every change on a virtual disk in the moment in which it is made. */
import { fail } from '../simulation/world.js';
import { touch } from './application-runner.js';
import { isWithin, type FileNode, type Folder, type PlainFile } from './file-node.js';
import type { VirtualFolderServer } from './folder-server.js';
import { settleMs, type FolderWorld } from './folder-world.js';
import { entriesBelow, filesBelow, hashOf, isLeftOutName, stateFolderName } from './tree.js';
import type { FileChange } from './virtual-file-system.js';

export function judgeChange(world: FolderWorld, server: VirtualFolderServer, change: FileChange): void {
  if (server.actor === 'application') noteVisible(world, server, change);
  else judgeEngine(world, server, change);
}

/** Nothing of the engine acts outside the folder. What was taken out of it meanwhile has no place at all. */
export function judgeReach(world: FolderWorld, server: VirtualFolderServer, folder: Folder, call: string): void {
  if (server.actor === 'engine' && isWithin(folder, server.fs.top) && !isWithin(folder, server.root))
    fail(world, 'OUTSIDE', `s${server.index} ${call} outside the folder`);
}

function noteVisible(world: FolderWorld, server: VirtualFolderServer, { folder, before, after }: FileChange): void {
  const nowMs = world.time.nowMs();
  const note = (file: PlainFile): void => {
    const since = server.visibleSince.get(file);
    if (since !== undefined && since.hash !== hashOf(file.bytes)) seenFor(world, since.hash, nowMs - since.sinceMs);
    const hash = hashOf(file.bytes);
    if (since?.hash !== hash) server.visibleSince.set(file, { hash, sinceMs: nowMs });
    if (!world.visible.has(hash)) world.fleeting.add(hash);
    world.visible.add(hash);
  };
  if (after?.kind === 'file') note(after);
  // Who holds a file open writes into it wherever it was moved meanwhile.
  if (folder === null && after?.kind === 'file') for (const path of pathsOf(server, after)) touch(world, server, path);
  if (after?.kind === 'folder') for (const file of filesBelow(after)) note(file);
  if (folder !== null && before?.kind === 'file' && before !== after) {
    server.released.add(hashOf(before.bytes));
    const since = server.visibleSince.get(before);
    if (since) seenFor(world, since.hash, nowMs - since.sinceMs);
  }
}

const pathsOf = ({ root }: VirtualFolderServer, file: PlainFile): string[] =>
  entriesBelow(root).flatMap(({ path, node }) => (node === file ? [path] : []));

function seenFor(world: FolderWorld, hash: string, ms: number): void {
  if (ms >= settleMs) world.fleeting.delete(hash);
}

/** What stands at a name now has been visible for as long as it stands there. */
export function noteStanding(world: FolderWorld): void {
  for (const server of world.servers)
    for (const [file, { hash, sinceMs }] of server.visibleSince)
      if (hashOf(file.bytes) === hash && file.places.length > 0) seenFor(world, hash, world.time.nowMs() - sinceMs);
}

function judgeEngine(world: FolderWorld, server: VirtualFolderServer, change: FileChange): void {
  const { call, folder, name, before, after } = change;
  if (world.isAtRest && call !== 'attributes') return fail(world, 'ECHO', `s${server.index} ${call} ${name} at rest`);
  if (folder === null) {
    if (call !== 'attributes' && after !== null && isInTree(server, after))
      fail(world, 'HALF', `s${server.index} writes into a file that readers see`);
    return;
  }
  if (after?.kind === 'file' && isTreeFolder(server, folder) && !isLeftOutName(name)) judgePlaced(world, server, after);
  if (before?.kind === 'file' && before.places.length === 0 && !isTemporary(server, folder))
    judgeRemoved(world, server, { file: before, name, call });
}

function judgePlaced(world: FolderWorld, server: VirtualFolderServer, { bytes }: PlainFile): void {
  const hash = hashOf(bytes);
  const text = Buffer.from(bytes.subarray(0, 40)).toString('latin1');
  if (!world.visible.has(hash)) return fail(world, 'HALF', `s${server.index} shows what nobody wrote: ${text}`);
  if (!world.fleeting.has(hash) || bytes.length === 0) return;
  noteStanding(world);
  if (world.fleeting.has(hash)) fail(world, 'HALF', `s${server.index} shows what was still being written: ${text}`);
}

interface Removed {
  readonly file: PlainFile;
  readonly name: string;
  readonly call: string;
}

/** The last name of a content that no application of this server gave up. */
function judgeRemoved(world: FolderWorld, server: VirtualFolderServer, { file, name, call }: Removed): void {
  const hash = hashOf(file.bytes);
  if (file.bytes.length === 0 || server.released.has(hash)) return;
  if (filesBelow(server.root).some(({ bytes }) => hashOf(bytes) === hash)) return;
  const text = Buffer.from(file.bytes.subarray(0, 40)).toString('latin1');
  fail(world, 'LOST', `s${server.index} ${call} ${name} drops the only copy of ${text}`);
}

function isInTree(server: VirtualFolderServer, node: FileNode): boolean {
  return node.places.some(({ folder }) => isTreeFolder(server, folder));
}

const isTreeFolder = (server: VirtualFolderServer, folder: Folder): boolean =>
  isWithin(folder, server.root) && !isStateFolder(server, folder);

const stateFolderOf = (server: VirtualFolderServer): Folder | null => {
  const node = server.root.entries.get(server.fs.key(stateFolderName))?.node;
  return node?.kind === 'folder' ? node : null;
};

function isStateFolder(server: VirtualFolderServer, folder: Folder): boolean {
  const state = stateFolderOf(server);
  return state !== null && isWithin(folder, state);
}

function isTemporary(server: VirtualFolderServer, folder: Folder): boolean {
  const node = stateFolderOf(server)?.entries.get('temporary')?.node;
  return node === folder || folder === stateFolderOf(server);
}
