/** What applications do in a folder: one random act, as steps between which time passes. */
import { constants } from 'node:fs';
import type { Disk } from '../../src/system/disk.js';
import type { Random } from '../simulation/random.js';
import type { Folder } from './file-node.js';
import { entriesBelow, type SeenEntry } from './tree.js';

export interface Application {
  readonly disk: Disk;
  /** Path of the synced folder on the virtual machine. */
  readonly root: string;
  readonly folder: Folder;
  readonly random: Random;
  /** A content that nobody wrote before. */
  readonly fresh: () => Uint8Array;
  /** Said before something at the path, or below it, changes. */
  readonly touch: (path: string) => void;
}

/** Each `yield` is a wait in milliseconds. */
export type Act = Generator<number, void, void>;

const names = ['a', 'b', 'c.txt', 'd.txt', 'e', 'F', 'log'];
/** Never deleted, so that no deletion looks like an accident. */
export const keepers = ['keep/one', 'keep/two', 'keep/three'];

export function* randomAct(app: Application, mischief: number): Act {
  const { random } = app;
  if (mischief > 0 && random.chance(mischief)) return yield* swapForAMoment(app);
  const acts = [
    create,
    create,
    create,
    editInPlace,
    append,
    truncate,
    replaceByRename,
    replaceByRename,
    moveEntry,
    moveEntry,
  ];
  acts.push(
    remove,
    remove,
    changeMode,
    makeFolder,
    makeLink,
    swapKinds,
    swapForAMoment,
    linkOut,
    writeSlowly,
    leaveTemporary,
  );
  yield* random.pick(acts)(app);
}

const write = constants.O_WRONLY | constants.O_CREAT;
const at = ({ root }: Application, path: string): string => `${root}/${path}`;
const isKeeper = (path: string): boolean => path === 'keep' || path.startsWith('keep/');

function pickEntry({ folder, random }: Application, kinds: readonly string[]): SeenEntry | null {
  const found = entriesBelow(folder).filter(
    ({ path, node }) => kinds.includes(node.kind) && !isKeeper(path) && !path.startsWith('out-'),
  );
  return found.length === 0 ? null : random.pick(found);
}

/** In a folder that is there or one that is made for it. */
function newPath(app: Application): string {
  const { random } = app;
  const parent = random.chance(0.5) ? '' : (pickEntry(app, ['folder'])?.path ?? '');
  const depth = parent.split('/').length;
  const folders = random.chance(0.3) && depth < 3 ? [random.pick(['a', 'b', 'e'])] : [];
  return [parent, ...folders, random.pick(names)].filter((name) => name !== '').join('/');
}

function makeParents(app: Application, path: string): void {
  const folders = path.split('/').slice(0, -1);
  for (let depth = 1; depth <= folders.length; depth++) {
    const folder = folders.slice(0, depth).join('/');
    if (app.disk.look(at(app, folder)) !== null) continue;
    app.touch(folder);
    app.disk.makeFolder(at(app, folder), 0o755);
  }
}

interface Writing {
  readonly flags: number;
  readonly pieces: readonly Uint8Array[];
  readonly offset: number;
  readonly waitMs: number;
}

function* writePieces(app: Application, path: string, { flags, pieces, offset, waitMs }: Writing): Act {
  const { disk, random } = app;
  app.touch(path);
  const handle = disk.open(at(app, path), flags, random.pick([0o644, 0o644, 0o600, 0o755]));
  let end = offset;
  for (const [number, piece] of pieces.entries()) {
    if (number > 0) {
      yield waitMs;
      app.touch(path);
    }
    end += disk.write(handle, piece, end);
  }
  if (random.chance(0.3)) disk.sync(handle);
  disk.close(handle);
}

function halves(bytes: Uint8Array, random: Random): Uint8Array[] {
  if (random.chance(0.6)) return [bytes];
  const cut = 1 + random.below(Math.max(1, bytes.length - 1));
  return [bytes.subarray(0, cut), bytes.subarray(cut)];
}

function* create(app: Application): Act {
  const path = newPath(app);
  makeParents(app, path);
  if (app.disk.look(at(app, path)) !== null) return yield* replaceByRename(app);
  yield* writePieces(app, path, {
    flags: write | constants.O_EXCL,
    pieces: halves(app.fresh(), app.random),
    offset: 0,
    waitMs: app.random.below(20),
  });
}

function* editInPlace(app: Application): Act {
  const found = pickEntry(app, ['file']);
  if (found === null) return;
  const { random } = app;
  const flags = random.chance(0.5) ? write | constants.O_TRUNC : write;
  yield* writePieces(app, found.path, {
    flags,
    pieces: halves(app.fresh(), random),
    offset: 0,
    waitMs: random.below(20),
  });
}

function* append(app: Application): Act {
  const found = pickEntry(app, ['file']);
  if (found?.node.kind !== 'file') return;
  const { random } = app;
  const pieces = Array.from({ length: random.between(1, 4) }, () => app.fresh().subarray(0, 12));
  yield* writePieces(app, found.path, {
    flags: write,
    pieces,
    offset: found.node.bytes.length,
    waitMs: random.pick([5, 100, 400]),
  });
}

/** A writer that takes longer than anybody waits for. */
function* writeSlowly(app: Application): Act {
  const path = newPath(app);
  makeParents(app, path);
  if (app.disk.look(at(app, path)) !== null) return;
  const pieces = Array.from({ length: 5 }, () => app.fresh());
  yield* writePieces(app, path, { flags: write, pieces, offset: 0, waitMs: app.random.pick([60, 700]) });
}

function* truncate(app: Application): Act {
  const found = pickEntry(app, ['file']);
  if (found?.node.kind !== 'file') return;
  app.touch(found.path);
  const handle = app.disk.open(at(app, found.path), constants.O_WRONLY);
  app.disk.truncate(handle, app.random.below(found.node.bytes.length + 1));
  app.disk.close(handle);
  yield 0;
}

/** As careful programs save: beside it, then over it. */
function* replaceByRename(app: Application): Act {
  const { disk, random } = app;
  const path = pickEntry(app, ['file', 'link'])?.path ?? newPath(app);
  makeParents(app, path);
  const beside = `${path}${random.chance(0.7) ? '.tmp' : '.new'}`;
  yield* writePieces(app, beside, {
    flags: write | constants.O_TRUNC,
    pieces: [app.fresh()],
    offset: 0,
    waitMs: 0,
  });
  if (random.chance(0.5)) yield random.below(60);
  app.touch(beside);
  app.touch(path);
  disk.rename(at(app, beside), at(app, path));
}

function* moveEntry(app: Application): Act {
  const found = pickEntry(app, ['file', 'file', 'folder', 'link']);
  if (found === null) return;
  const target = newPath(app);
  makeParents(app, target);
  if (app.disk.look(at(app, target))?.isDirectory() === true && found.node.kind !== 'folder') return;
  app.touch(found.path);
  app.touch(target);
  app.disk.rename(at(app, found.path), at(app, target));
  yield 0;
}

function removeWhole(app: Application, path: string): void {
  const look = app.disk.look(at(app, path));
  if (look === null) return;
  app.touch(path);
  if (!look.isDirectory()) return app.disk.removeFile(at(app, path));
  for (const name of app.disk.namesIn(at(app, path))) removeWhole(app, `${path}/${name.toString()}`);
  app.disk.removeFolder(at(app, path));
}

function* remove(app: Application): Act {
  const found = pickEntry(app, ['file', 'file', 'folder', 'link']);
  if (found !== null) removeWhole(app, found.path);
  yield 0;
}

function* changeMode(app: Application): Act {
  const found = pickEntry(app, ['file', 'folder']);
  if (found === null) return;
  app.touch(found.path);
  const modes = found.node.kind === 'folder' ? [0o755, 0o700, 0o775] : [0o644, 0o600, 0o755, 0o444];
  app.disk.setModeAt(at(app, found.path), app.random.pick(modes));
  yield 0;
}

function* makeFolder(app: Application): Act {
  const path = newPath(app);
  makeParents(app, path);
  if (app.disk.look(at(app, path)) !== null) return;
  app.touch(path);
  app.disk.makeFolder(at(app, path), 0o755);
  yield 0;
}

function* makeLink(app: Application): Act {
  const path = newPath(app);
  makeParents(app, path);
  if (app.disk.look(at(app, path)) !== null) return;
  app.touch(path);
  app.disk.makeLink(app.random.pick(['a', 'c.txt', 'e/d.txt']), at(app, path));
  yield 0;
}

/** A file becomes a folder, a folder a file or a link, at one name. */
function* swapKinds(app: Application): Act {
  const found = pickEntry(app, ['file', 'folder']);
  if (found === null) return;
  const { disk, random } = app;
  removeWhole(app, found.path);
  if (random.chance(0.3)) yield random.below(50);
  makeParents(app, found.path);
  if (disk.look(at(app, found.path)) !== null) return;
  app.touch(found.path);
  if (found.node.kind === 'folder') {
    if (random.chance(0.5)) return disk.makeLink(random.pick(['a', 'keep']), at(app, found.path));
    return yield* writePieces(app, found.path, { flags: write, pieces: [app.fresh()], offset: 0, waitMs: 0 });
  }
  disk.makeFolder(at(app, found.path), 0o755);
  yield* writePieces(app, `${found.path}/${random.pick(names)}`, {
    flags: write,
    pieces: [app.fresh()],
    offset: 0,
    waitMs: 0,
  });
}

/** A way out stands in the place of a folder, as an attack would do it. */
function* swapForAMoment(app: Application): Act {
  const found = pickEntry(app, ['folder']);
  if (found === null) return;
  const { disk, random } = app;
  const [place, aside] = [at(app, found.path), at(app, `${found.path}.tmp`)];
  if (disk.look(aside) !== null) return;
  app.touch(found.path);
  disk.rename(place, aside);
  disk.makeLink(random.pick(['../../outside', '../outside', '/outside']), place);
  yield random.below(20);
  app.touch(found.path);
  if (disk.look(place)?.isSymbolicLink() !== true) return;
  disk.removeFile(place);
  if (disk.look(aside) !== null) disk.rename(aside, place);
}

/** A link that leads out takes no part. */
function* linkOut(app: Application): Act {
  const path = `out-${app.random.below(3)}`;
  if (app.disk.look(at(app, path)) !== null) return;
  app.disk.makeLink(app.random.pick(['../outside', '/outside/secret']), at(app, path));
  yield 0;
}

/** What takes no part, in a folder that somebody may delete. */
function* leaveTemporary(app: Application): Act {
  const parent = pickEntry(app, ['folder'])?.path;
  if (parent === undefined) return;
  yield* writePieces(app, `${parent}/x.tmp`, { flags: write, pieces: [app.fresh()], offset: 0, waitMs: 0 });
}
