import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuMsOf } from './bench-group.js';
import { median, type Figure } from './figure.js';
import { createUsyncPair, untilTrue, type FolderPair } from './folder-pair.js';
import { mebibyte, randomKey, writeLargeFile, writeSmallFiles } from './random-files.js';
import { createSyncthingPair, isInstalled } from './syncthing-pair.js';

interface CopyBench {
  readonly what: string;
  readonly make: (folder: string) => void;
  /** Whether the whole of it is visible under its names. */
  readonly isThere: (folder: string) => boolean;
  /**
   * Whether what a round has made is removed after the last one. ext4 gives out the number of a removed file only minutes
   * later and goes by all such numbers for each new file, so that who comes next would pay for the one before.
   */
  readonly isKept: boolean;
}

const smallFiles = 10_000;
const smallFolders = smallFiles / 100;

/** Many small files, as soon as they are complete at one server, until all are visible at the other. */
export const benchSmallFiles = (rounds: number): Promise<Figure[]> =>
  benchCopy(rounds, {
    what: '10,000 files of 4 KiB',
    make: (folder) => writeSmallFiles(folder, smallFiles, 4096),
    isKept: true,
    isThere: createSmallFilesCheck,
  });

/** The same for one file of 1 GiB of random bytes. */
export const benchLargeFile = (rounds: number): Promise<Figure[]> =>
  benchCopy(rounds, {
    what: 'a file of 1 GiB',
    make(folder) {
      mkdirSync(folder);
      writeLargeFile(join(folder, 'large.bin'), 1024 * mebibyte, randomKey());
    },
    isThere: (folder) => existsSync(join(folder, 'large.bin')),
    isKept: false,
  });

/** Folder by folder, so that a look costs little. Temporary names begin with a dot or stand elsewhere. */
function createSmallFilesCheck(folder: string): boolean {
  for (let at = smallFolders - 1; at >= 0; at--) {
    const inner = join(folder, `folder-${at}`);
    if (!existsSync(inner)) return false;
    if (readdirSync(inner).filter((name) => name.startsWith('file-')).length < smallFiles / smallFolders) return false;
  }
  return true;
}

/**
 * Each round anew and in turns: new servers, new content, an empty target, a disk that has nothing left to write. Against
 * Syncthing and against `rsync -a` on one disk, which makes nothing durable.
 */
async function benchCopy(rounds: number, bench: CopyBench): Promise<Figure[]> {
  const ours: Copy[] = [];
  const syncthings: Copy[] = [];
  const rsyncs: number[] = [];
  const hasSyncthing = isPresent('syncthing', bench.what);
  const hasRsync = isPresent('rsync', bench.what);
  const left: Clear[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      ours.push(await copyWith(await createUsyncPair(), bench, left));
      if (hasSyncthing) syncthings.push(await copyWith(await createSyncthingPair(), bench, left));
      if (hasRsync) rsyncs.push(await rsyncMs(bench, left));
      const last = [...ours.slice(-1), ...syncthings.slice(-1)].map(
        ({ ms, cpu }) => `${Math.round(ms)} ms (CPU ${cpu})`,
      );
      process.stderr.write(`${bench.what}: ${last.join(', ')}, ${Math.round(rsyncs.at(-1) ?? 0)} ms\n`);
    }
  } finally {
    for (const clear of left) await clear();
  }
  const wall = median(ours.map(({ ms }) => ms));
  const theirs = syncthings.map(({ ms }) => ms);
  return [
    figureOf(`${bench.what}, against Syncthing`, wall, { others: theirs, goal: 0.4 }),
    figureOf(`${bench.what}, against rsync -a, which is not durable`, wall, { others: rsyncs, goal: 4 }),
    figureOf(`${bench.what}, CPU of both servers, against Syncthing's`, median(ours.map(({ cpu }) => cpu)), {
      others: syncthings.map(({ cpu }) => cpu),
      goal: null,
    }),
  ];
}

type Clear = () => Promise<void>;

interface Copy {
  readonly ms: number;
  /** CPU of both processes. */
  readonly cpu: number;
}

interface Comparison {
  readonly others: readonly number[];
  readonly goal: number | null;
}

const figureOf = (name: string, value: number, { others, goal }: Comparison): Figure => ({
  name,
  value,
  unit: 'ms',
  baseline: others.length === 0 ? null : median(others),
  goal: others.length === 0 || goal === null ? null : { kind: 'at most', value: goal },
});

function isPresent(command: string, what: string): boolean {
  if (isInstalled(command)) return true;
  process.stderr.write(`${what}: ${command} is not installed, so nothing is compared with it\n`);
  return false;
}

async function copyWith(pair: FolderPair, { make, isThere, isKept }: CopyBench, left: Clear[]): Promise<Copy> {
  const cpuMs = (): number => pair.pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  try {
    const beside = join(pair.beside, 'tree');
    make(beside);
    spawnSync('sync', ['-f', beside]);
    const cpuBefore = cpuMs();
    const startedAt = performance.now();
    renameSync(beside, join(pair.source, 'tree'));
    void pair.told();
    const ms = await untilTrue(startedAt, 300_000, () => isThere(join(pair.target, 'tree')));
    const cpu = cpuMs() - cpuBefore;
    checkEqual(join(pair.source, 'tree'), join(pair.target, 'tree'));
    return { ms, cpu };
  } finally {
    if (isKept) {
      await pair.stop();
      left.push(() => pair.clear());
    } else await pair.clear();
  }
}

async function rsyncMs({ make, isKept }: CopyBench, left: Clear[]): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'usync-bench-'));
  try {
    const source = join(root, 'source');
    make(source);
    spawnSync('sync', ['-f', source]);
    const startedAt = performance.now();
    const { status, stderr } = spawnSync('rsync', ['-a', `${source}/`, `${root}/target/`], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`rsync failed: ${stderr}`);
    return performance.now() - startedAt;
  } finally {
    const clear = async (): Promise<void> => Promise.resolve(rmSync(root, { recursive: true, force: true }));
    if (isKept) left.push(clear);
    else await clear();
  }
}

function checkEqual(source: string, target: string): void {
  const { status, stdout } = spawnSync('diff', ['-rq', source, target], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the copy is not equal: ${stdout.slice(0, 500)}`);
}
