/** A real source tree in two states, as a package manager or a version control switches between them. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createIgnoreRules, defaultIgnores } from '../../src/files/ignore-rules.js';

export type TreeState = 'old' | 'new';

export interface SourceTree {
  readonly files: number;
  /** Packages that are the same in both states. */
  readonly untouched: readonly string[];
  /** By path, what stands in this state. */
  contents(state: TreeState): ReadonlyMap<string, Buffer>;
  /** Makes the tree in `root`, from nothing or from the other state. */
  switchTo(root: string, state: TreeState, from: 'nothing' | 'other'): void;
}

interface Package {
  /** Of its first copy; the others stand beside it. */
  readonly name: string;
  /** Paths inside it. */
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  readonly number: number;
}

const fileBytesMax = 128 * 1024;
const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The packages that this project uses, as often as it takes to have so many files. */
export function createSourceTree(files: number): SourceTree {
  const sources = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ name, files: filesOf(join(modules, name)) }))
    .filter((each) => each.files.length > 0);
  const packages: Package[] = [];
  let count = 0;
  for (let copy = 1; count < files; copy++)
    for (const source of sources) {
      if (count >= files) break;
      packages.push({ ...source, name: `copy ${copy}/${source.name}`, number: packages.length });
      count += source.files.length;
    }
  return {
    files: count,
    untouched: packages.filter((each) => kindOf(each) === 'untouched').map(({ name }) => name),
    contents: (state) => new Map(packages.flatMap((each) => contentsOf(each, state))),
    switchTo(root, state, from) {
      for (const each of packages) switchPackage(root, each, { state, isFirst: from === 'nothing' });
    },
  };
}

function filesOf(folder: string): { path: string; bytes: Buffer }[] {
  const rules = createIgnoreRules(defaultIgnores);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const stats = statSync(join(folder, path));
    if (!stats.isFile() || stats.size > fileBytesMax || rules.isIgnored(path, false)) return [];
    return [{ path, bytes: readFileSync(join(folder, path)) }];
  });
}

const kinds = ['untouched', 'only-old', 'changed', 'only-new', 'renamed', 'rewritten'] as const;

const kindOf = ({ number }: Package): (typeof kinds)[number] => kinds[number % kinds.length] ?? 'untouched';

const isThere = (each: Package, state: TreeState): boolean =>
  kindOf(each) !== (state === 'old' ? 'only-new' : 'only-old');

const folderOf = (each: Package, state: TreeState): string =>
  kindOf(each) === 'renamed' && state === 'new' ? `${each.name} renamed` : each.name;

function contentsOf(each: Package, state: TreeState): [string, Buffer][] {
  if (!isThere(each, state)) return [];
  const isEdited = (at: number): boolean =>
    at % 3 === 0 && (kindOf(each) === 'changed' || kindOf(each) === 'rewritten') && state === 'new';
  return each.files.map(({ path, bytes }, at) => [
    `${folderOf(each, state)}/${path}`,
    isEdited(at) ? Buffer.concat([bytes, Buffer.from(`\n// ${each.name}, edited\n`)]) : bytes,
  ]);
}

interface Switch {
  readonly state: TreeState;
  readonly isFirst: boolean;
}

function switchPackage(root: string, each: Package, { state, isFirst }: Switch): void {
  const other = state === 'old' ? 'new' : 'old';
  const [here, before] = [join(root, folderOf(each, state)), join(root, folderOf(each, other))];
  if (!isFirst && kindOf(each) === 'untouched') return;
  if (!isFirst && kindOf(each) === 'renamed') return renameSync(before, here);
  // Some only write what differs, as version control does; some begin anew, as package managers do.
  const old = new Map(contentsOf(each, other));
  const isWhole = isFirst || kindOf(each) !== 'changed';
  if (isWhole && !isFirst) rmSync(before, { recursive: true, force: true });
  for (const [path, bytes] of contentsOf(each, state)) {
    if (!isWhole && old.get(path)?.equals(bytes) === true) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
}
