/** A tree as a person sees it: without what Universal Sync keeps in it, and without what takes no part. */
import { createHash } from 'node:crypto';
import { isLinkInside } from '../../src/files/entry-path.js';
import type { FileNode, Folder, PlainFile } from './file-node.js';

export interface SeenEntry {
  readonly path: string;
  readonly node: FileNode;
}

export const stateFolderName = '.usync-folder';
/** The default rules leave such names out. */
export const isLeftOutName = (name: string): boolean => name === stateFolderName || name.endsWith('.tmp');

export function entriesBelow(folder: Folder, path = ''): SeenEntry[] {
  return [...folder.entries.values()]
    .filter(({ name }) => !isLeftOutName(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, node }) => {
      const inner = path === '' ? name : `${path}/${name}`;
      return [{ path: inner, node }, ...(node.kind === 'folder' ? entriesBelow(node, inner) : [])];
    });
}

/** What takes no part, with all that is in such a folder: that before the folder. */
export function leftOutBelow(folder: Folder, path = '', isLeftOut = false): SeenEntry[] {
  return [...folder.entries.values()].flatMap(({ name, node }) => {
    if (name === stateFolderName) return [];
    const inner = path === '' ? name : `${path}/${name}`;
    const takesNoPart = isLeftOut || isLeftOutName(name) || (node.kind === 'link' && !isLinkInside(inner, node.target));
    const below = node.kind === 'folder' ? leftOutBelow(node, inner, takesNoPart) : [];
    return takesNoPart ? [...below, { path: inner, node }] : below;
  });
}

/** Every file of a folder, of whatever name. */
export function filesBelow(folder: Folder): PlainFile[] {
  return [...folder.entries.values()].flatMap(({ node }) =>
    node.kind === 'file' ? [node] : node.kind === 'folder' ? filesBelow(node) : [],
  );
}

const hashes = new WeakMap<Uint8Array, string>();

export function hashOf(bytes: Uint8Array): string {
  let hash = hashes.get(bytes);
  if (hash === undefined) hashes.set(bytes, (hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)));
  return hash;
}

/** What must be equal on all servers, in words. */
export function textOfNode(node: FileNode): string {
  const mode = (node.mode & 0o777).toString(8);
  switch (node.kind) {
    case 'folder':
      return `folder ${mode}`;
    case 'link':
      return `link ${node.target}`;
    case 'file':
      return `file ${mode} ${node.mtimeNs / 1000n} ${node.bytes.length} ${hashOf(node.bytes)}`;
  }
}

export const treeText = (root: Folder): Map<string, string> =>
  new Map(entriesBelow(root).map(({ path, node }) => [path, textOfNode(node)]));

/** Folders in which only stands what takes no part: they may outlive their deletion here. */
export function keptFolders(folder: Folder, path = ''): string[] {
  return [...folder.entries.values()].flatMap(({ name, node }) => {
    if (node.kind !== 'folder' || isLeftOutName(name)) return [];
    const inner = path === '' ? name : `${path}/${name}`;
    const names = [...node.entries.values()].map((each) => each.name);
    const below = keptFolders(node, inner);
    const isKept =
      names.some((each) => isLeftOutName(each)) && entriesBelow(node, inner).every((each) => below.includes(each.path));
    const holdsKept = below.length > 0 && entriesBelow(node, inner).every((each) => below.includes(each.path));
    return isKept || holdsKept ? [inner, ...below] : below;
  });
}
