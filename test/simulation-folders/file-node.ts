/** What stands on a virtual disk: files, folders and links, with what of them a power loss would leave. */
export type FileNode = PlainFile | Folder | LinkNode;

interface NodeBase {
  readonly ino: bigint;
  mode: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Where it has names. */
  readonly places: Place[];
}

export interface Place {
  readonly folder: Folder;
  readonly key: string;
}

export interface PlainFile extends NodeBase {
  readonly kind: 'file';
  /** Replaced at each write, never changed in place. */
  bytes: Uint8Array;
  durable: { readonly bytes: Uint8Array; readonly mode: number; readonly mtimeNs: bigint } | null;
}

export interface LinkNode extends NodeBase {
  readonly kind: 'link';
  readonly target: string;
}

export interface Folder extends NodeBase {
  readonly kind: 'folder';
  /** By key: the name, or its folded form. */
  readonly entries: Map<string, NamedNode>;
  readonly durable: Map<string, NamedNode>;
  readonly watches: Set<(name: string | null) => void>;
  parent: Folder | null;
}

export interface NamedNode {
  readonly name: string;
  readonly node: FileNode;
}

/** Whether `folder` is `top` or somewhere below it. */
export function isWithin(folder: Folder, top: Folder): boolean {
  for (let at: Folder | null = folder; at !== null; at = at.parent) if (at === top) return true;
  return false;
}
