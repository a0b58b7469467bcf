// Prints every figure as one table and writes bench/results/latest.json. `npm run bench -- --only bulk` runs a part; `--rounds 1`
// is a quick look where medians of rounds are taken.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchCaptureCost } from './capture-cost.js';
import { benchConstraintCost } from './constraint-cost.js';
import { benchDrivers } from './drivers.js';
import { benchCodec } from './codec.bench.js';
import { benchDrainSpeed } from './drain-speed.js';
import { benchLargeFile, benchSmallFiles } from './folders-copy.js';
import { benchEdit } from './folders-edit.js';
import { benchManyFiles } from './folders-many.js';
import { benchInsert, benchRename } from './folders-traffic.js';
import { figureLines, isReached, measureOf, type Figure } from './figure.js';
import { benchHttpAnswers } from './http-answers.js';
import { benchHttpLive } from './http-live.js';
import { benchHttpPaint } from './http-paint.js';
import { benchMergeSpeed } from './merge-speed.js';
import { benchMillion } from './million.js';
import {
  benchBulk,
  benchCatchUp,
  benchIdle,
  benchLatency,
  benchStream,
  benchWriterBesideMerge,
} from './replication.js';

const benches: Readonly<Record<string, (rounds: number) => Promise<Figure[]>>> = {
  drivers: benchDrivers,
  capture: benchCaptureCost,
  'drain-speed': benchDrainSpeed,
  'merge-speed': benchMergeSpeed,
  constraints: benchConstraintCost,
  'bulk-whole': () => benchBulk('whole'),
  'bulk-bounded': () => benchBulk('bounded'),
  stream: benchStream,
  latency: benchLatency,
  writer: benchWriterBesideMerge,
  'catch-up': benchCatchUp,
  idle: benchIdle,
  million: benchMillion,
  codec: benchCodec,
  'folders-small': benchSmallFiles,
  'folders-large': benchLargeFile,
  'folders-insert': benchInsert,
  'folders-rename': benchRename,
  'folders-edit': benchEdit,
  'folders-many': benchManyFiles,
  'http-answers': benchHttpAnswers,
  'http-live': benchHttpLive,
  'http-paint': benchHttpPaint,
};

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, rounds: { type: 'string', default: '5' } },
});
const rounds = Number(values.rounds);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const figures: Figure[] = [];
for (const [name, run] of Object.entries(benches)) {
  if (!name.includes(values.only)) continue;
  process.stderr.write(`${name} ...\n`);
  try {
    figures.push(...(await run(rounds)));
  } catch (error) {
    process.stderr.write(`${name} failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
console.log(figureLines(figures).join('\n'));
const folder = new URL('../../bench/results/', import.meta.url);
mkdirSync(folder, { recursive: true });
const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? '', memory: totalmem() };
writeFileSync(
  new URL('latest.json', folder),
  JSON.stringify(
    {
      machine,
      figures: figures.map((figure) => ({ ...figure, measure: measureOf(figure), isReached: isReached(figure) })),
    },
    null,
    2,
  ),
);
