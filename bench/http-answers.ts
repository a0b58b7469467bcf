import { spawn } from 'node:child_process';
import { percentile, type Figure } from './figure.js';
import { createPageGround, send, type PageGround } from './page-ground.js';
import { insertReadings } from './readings-table.js';

const rows = 100_000;
const bare = 'a bare server';
/** What the page asks for, each with its own cost. */
const paths = [
  '/api/sync/status',
  '/api/sync/servers',
  '/api/sync/datasets',
  '/api/sync/logs?per_page=50',
  '/api/sync/conflicts',
  '/api/sync/jobs',
  '/api/sync/ping',
  '/metrics',
  bare,
];
/** As many pages as ask at the same time, each after its last answer and a short rest. */
const askers = 4;
const restMs = 10;

/** Asked in turn with the others: what any answer takes on this machine at this time. */
const bareServer = `
  const server = require('node:http').createServer((_, answer) => answer.end('x'.repeat(2000)));
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
/**
 * How long answers take at rest, and while 100,000 rows of 100 transactions that waited are merged. A machine that is busy
 * with something else delays them all, so a server of one line is asked in turn.
 */
export async function benchHttpAnswers(): Promise<Figure[]> {
  const ground = await createPageGround();
  const other = spawn(process.execPath, ['-e', bareServer], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve) =>
      other.stdout.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())),
    );
    const answersUntil = (isOver: () => boolean): Promise<Answered[]> =>
      ask(ground, `http://127.0.0.1:${port}/`, isOver);
    await answersUntil(ticking(1_000));
    const atRest = await answersUntil(ticking(3_000));
    await ground.ask('PATCH', '/api/sync/servers/a', { is_active: false });
    for (let at = 0; at < 100; at++) insertReadings(ground.there, at * 1_000 + 1, 1_000);
    await ground.ask('PATCH', '/api/sync/servers/a', { is_active: true });
    const isMerged = (): boolean => Number(ground.here.cached('SELECT count(*) FROM readings').get()?.[0]) === rows;
    const startMs = performance.now();
    const merging = await answersUntil(() => isMerged() || performance.now() - startMs > 120_000);
    if (!isMerged()) throw new Error('not merged within 120 s');
    const seconds = (performance.now() - startMs) / 1_000;
    for (const path of paths) {
      const took = merging.filter((each) => each.path === path).map(({ tookMs }) => tookMs);
      process.stderr.write(
        `  ${path}: p50 ${percentile(took, 0.5).toFixed(1)}, p99 ${percentile(took, 0.99).toFixed(1)} ms\n`,
      );
    }
    const p99 = (answers: readonly Answered[], isBare: boolean): number =>
      percentile(
        answers.filter(({ path }) => (path === bare) === isBare).map(({ tookMs }) => tookMs),
        0.99,
      );
    const count = merging.filter(({ path }) => path !== bare).length;
    return [
      figure(`answers of the API at rest, p99 of ${atRest.length}`, p99(atRest, false), {
        baseline: p99(atRest, true),
      }),
      figure(`answers while 100,000 rows are merged in ${seconds.toFixed(1)} s, p99 of ${count}`, p99(merging, false), {
        atMost: 50,
      }),
      figure('the same, to a bare server that is asked in turn', p99(merging, false), { baseline: p99(merging, true) }),
    ];
  } finally {
    other.kill();
    await ground.clear();
  }
}

const figure = (
  name: string,
  value: number,
  { baseline = null, atMost }: { readonly baseline?: number | null; readonly atMost?: number },
): Figure => ({
  ...{ name, value, unit: 'ms', baseline },
  goal: atMost === undefined ? null : { kind: 'at most', value: atMost },
});

function ticking(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() > endMs;
}

interface Answered {
  readonly path: string;
  readonly tookMs: number;
}

async function ask({ origin, token }: PageGround, bareUrl: string, isOver: () => boolean): Promise<Answered[]> {
  const answers: Answered[] = [];
  const asked = { isOver: false };
  const asking = Array.from({ length: askers }, async (_, first) => {
    for (let at = first; !asked.isOver; at++) {
      const path = paths[at % paths.length] ?? '';
      const { status, tookMs } = await send(path === bare ? bareUrl : `${origin}${path}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      if (status !== 200) throw new Error(`${path} answered ${status}`);
      answers.push({ path, tookMs });
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  });
  // The question whether it is over takes time of its own: seldom.
  while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 100));
  asked.isOver = true;
  await Promise.all(asking);
  return answers;
}
