/** The promises that are judged when everything has come to rest. */
import { fail } from '../simulation/world.js';
import type { VirtualFolderServer } from './folder-server.js';
import type { FolderWorld } from './folder-world.js';
import { entriesBelow, filesBelow, hashOf, keptFolders, textOfNode, treeText } from './tree.js';

/** What stood on each server when its applications had ended, before the servers agreed. */
export interface PhaseEnd {
  readonly unnamedBefore: ReadonlySet<string>;
  readonly trees: readonly ReadonlyMap<string, string>[];
  readonly contents: readonly ReadonlyMap<string, string>[];
}

/** Folders that stand somewhere without a row of their own when a phase begins. */
export function unnamedFolders({ servers }: FolderWorld): ReadonlySet<string> {
  return new Set(
    servers.flatMap(({ root, engine }) =>
      entriesBelow(root)
        .filter(({ path, node }) => node.kind === 'folder' && (engine?.table.rows.at(path).length ?? 0) === 0)
        .map(({ path }) => path),
    ),
  );
}

export function lookAtEnd(world: FolderWorld, unnamedBefore: ReadonlySet<string>): PhaseEnd {
  return {
    unnamedBefore,
    trees: world.servers.map(({ root }) => treeText(root)),
    contents: world.servers.map(contentsOf),
  };
}

function contentsOf({ root }: VirtualFolderServer): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { path, node } of entriesBelow(root))
    if (node.kind === 'file' && node.bytes.length > 0) contents.set(hashOf(node.bytes), path);
  return contents;
}

export function checkPhase(world: FolderWorld, end: PhaseEnd): void {
  checkEqual(world);
  checkKept(world, end);
  checkSingleWriters(world, end);
}

function checkEqual(world: FolderWorld): void {
  const kept = new Set(world.servers.flatMap(({ root }) => keptFolders(root)));
  const texts = world.servers.map(({ root }) =>
    [...treeText(root)]
      .filter(([path, text]) => !kept.has(path) && !isLinkOutside(path, text))
      .map(([path, text]) => `${path} ${text}`),
  );
  const [first = [], ...others] = texts;
  for (const [number, other] of others.entries()) {
    const differing = [
      ...first.filter((line) => !other.includes(line)).map((line) => `- ${line}`),
      ...other.filter((line) => !first.includes(line)).map((line) => `+ ${line}`),
    ];
    if (differing.length > 0)
      fail(world, 'TREES', `s0 and s${number + 1} show different trees:\n${differing.slice(0, 12).join('\n')}`);
  }
}

/** Such a link takes no part. */
function isLinkOutside(path: string, text: string): boolean {
  if (!text.startsWith('link ')) return false;
  const target = text.slice('link '.length);
  return (
    target.startsWith('/') || target.split('/').filter((name) => name === '..').length > path.split('/').length - 1
  );
}

/** A link that leads out, in the place of a folder, deletes nothing of what was in that. */
function isBehindLink(tree: ReadonlyMap<string, string> | undefined, path: string): boolean {
  const names = path.split('/');
  return names.some((_, depth) => {
    const level = names.slice(0, depth).join('/');
    return isLinkOutside(level, tree?.get(level) ?? '');
  });
}

/** Every content that stood somewhere when the writing ended stands in a tree or in a history. */
function checkKept(world: FolderWorld, { contents }: PhaseEnd): void {
  const all = new Set(world.servers.flatMap(({ root }) => filesBelow(root).map(({ bytes }) => hashOf(bytes))));
  for (const [index, standing] of contents.entries())
    for (const [hash, path] of standing)
      if (!all.has(hash)) fail(world, 'LOST', `what stood at ${path} on s${index} is in no tree and in no history`);
}

/** What only one server's applications touched ends as they left it. */
function checkSingleWriters(world: FolderWorld, { trees, unnamedBefore }: PhaseEnd): void {
  const paths = new Set([...world.touched.keys()]);
  for (const tree of trees) for (const path of tree.keys()) if (!path.startsWith('keep')) paths.add(path);
  for (const path of paths) {
    const writers = writersAt(world, path);
    const [writer = -1] = writers;
    const itsServer = world.servers[writer];
    if (writers.size !== 1 || itsServer === undefined || itsServer.lostPower) continue;
    const everTouched = [path, withoutConflict(path)].flatMap((each) => [...(world.everTouched.get(each) ?? [])]);
    if (everTouched.some((index) => world.servers[index]?.lostPower === true)) continue;
    const left = trees[writer]?.get(path) ?? 'nothing';
    if (isLinkOutside(path, left) || isBehindLink(trees[writer], path)) continue;
    // Without a row it stood there only for what was in it: of that, what takes no part may hold it on this server.
    if (unnamedBefore.has(path) && keptFolders(itsServer.root).includes(path)) continue;
    for (const { index, root } of world.servers) {
      const now = treeText(root).get(path) ?? 'nothing';
      if (now === left || (left === 'nothing' && keptFolders(root).includes(path))) continue;
      if (left === 'nothing' && now.startsWith('folder') && hasOthersBelow(world, path, writer)) continue;
      fail(world, 'REVERTED', `s${writer} alone wrote ${path} and left ${left}; s${index} shows ${now}`);
    }
  }
}

/** The name that a conflict copy lost; any other path is itself. */
const withoutConflict = (path: string): string => path.replaceAll(/ \(conflict, [^)]*\)/g, '');

function writersAt({ touched }: Pick<FolderWorld, 'touched'>, path: string): Set<number> {
  const writers = new Set<number>();
  // Engines make conflict copies, of what anybody wrote at the name that was lost.
  const name = withoutConflict(path);
  if (name !== path) for (const server of writersAt({ touched }, name)) writers.add(server);
  for (const [other, servers] of touched)
    if (other === path || path.startsWith(`${other}/`) || other.startsWith(`${path}/`))
      for (const server of servers) writers.add(server);
  return writers;
}

const hasOthersBelow = ({ touched }: FolderWorld, path: string, writer: number): boolean =>
  [...touched].some(([other, servers]) => other.startsWith(`${path}/`) && [...servers].some((each) => each !== writer));

export { textOfNode };
