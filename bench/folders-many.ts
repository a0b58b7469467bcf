import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuMsOf, peakMegabytesOf, processOf } from './bench-group.js';
import type { Figure } from './figure.js';
import { createUsyncPair, untilTrue } from './folder-pair.js';
import { writeSmallFiles } from './random-files.js';

const files = 100_000;

/** 100,000 files that come at once: what both processes hold at most, and what it costs to look at all of them again. */
export async function benchManyFiles(): Promise<Figure[]> {
  const pair = await createUsyncPair();
  try {
    writeSmallFiles(join(pair.beside, 'tree'), files, 256);
    renameSync(join(pair.beside, 'tree'), join(pair.source, 'tree'));
    await untilTrue(performance.now(), 900_000, () => areAllThere(pair.target), 2000);
    await pair.settled();
    const pids = pair.servers.map(processOf);
    const peaks = pids.map(peakMegabytesOf);
    const rescanMs = await rescanCpuMs(pids[0] ?? 0, pair.source);
    const megabytes = (name: string, value: number): Figure => ({
      name,
      value,
      unit: 'MB',
      baseline: null,
      goal: { kind: 'at most', value: 300 },
    });
    return [
      megabytes('100,000 files: peak memory of the server that sends', peaks[0] ?? 0),
      megabytes('100,000 files: peak memory of the server that receives', peaks[1] ?? 0),
      {
        name: '100,000 files: looking at all of them again, CPU',
        value: rescanMs,
        unit: 'ms',
        baseline: null,
        goal: { kind: 'at most', value: 3000 },
      },
    ];
  } finally {
    await pair.clear();
  }
}

/** Whether every folder has all its files; looked at from the last one, so that most looks cost little. */
function areAllThere(target: string): boolean {
  for (let at = files / 100 - 1; at >= 0; at--) {
    const folder = join(target, 'tree', `folder-${at}`);
    if (!existsSync(folder) || readdirSync(folder).length < 100) return false;
  }
  return true;
}

/** New ignore rules make the server look at everything. */
async function rescanCpuMs(pid: number, source: string): Promise<number> {
  await untilAtRest(pid);
  const before = cpuMsOf(pid);
  writeFileSync(join(source, '.usyncignore'), '*.nothing\n');
  await new Promise((resolve) => setTimeout(resolve, 500));
  await untilAtRest(pid);
  return cpuMsOf(pid) - before;
}

/** Until the process uses less than a hundredth of a core for a second. */
async function untilAtRest(pid: number): Promise<void> {
  for (let seconds = 0; seconds < 120; seconds++) {
    const before = cpuMsOf(pid);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (cpuMsOf(pid) - before <= 10) return;
  }
  throw new Error('the process does not come to rest');
}
