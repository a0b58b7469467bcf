import { percentile, type Figure } from './figure.js';
import { createPageGround, send, type PageGround } from './page-ground.js';
import { insertReadings } from './readings-table.js';

const rows = 100_000;
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
];
/** As many pages as ask at the same time, each after its last answer and a short rest. */
const askers = 4;
const restMs = 10;

/** How long answers take at rest, and while 100,000 rows of 100 transactions that waited are merged. */
export async function benchHttpAnswers(): Promise<Figure[]> {
  const ground = await createPageGround();
  try {
    await answersUntil(ground, ticking(1_000));
    const atRest = await answersUntil(ground, ticking(3_000));
    await ground.ask('PATCH', '/api/sync/servers/a', { is_active: false });
    for (let at = 0; at < 100; at++) insertReadings(ground.there, at * 1_000 + 1, 1_000);
    await ground.ask('PATCH', '/api/sync/servers/a', { is_active: true });
    const isMerged = (): boolean => Number(ground.here.cached('SELECT count(*) FROM readings').get()?.[0]) === rows;
    const startMs = performance.now();
    const merging = await answersUntil(ground, () => isMerged() || performance.now() - startMs > 120_000);
    if (!isMerged()) throw new Error('not merged within 120 s');
    const seconds = (performance.now() - startMs) / 1_000;
    for (const path of paths) {
      const took = merging.filter((each) => each.path === path).map(({ tookMs }) => tookMs);
      process.stderr.write(
        `  ${path}: p50 ${percentile(took, 0.5).toFixed(1)}, p99 ${percentile(took, 0.99).toFixed(1)} ms\n`,
      );
    }
    const p99 = (answers: readonly Answered[]): number =>
      percentile(
        answers.map(({ tookMs }) => tookMs),
        0.99,
      );
    return [
      figure(`answers of the API at rest, p99 of ${atRest.length}`, p99(atRest), null),
      figure(
        `answers while 100,000 rows are merged in ${seconds.toFixed(1)} s, p99 of ${merging.length}`,
        p99(merging),
        50,
      ),
      figure(
        'answers while merging, p50',
        percentile(
          merging.map(({ tookMs }) => tookMs),
          0.5,
        ),
        null,
      ),
    ];
  } finally {
    await ground.clear();
  }
}

const figure = (name: string, value: number, atMost: number | null): Figure => ({
  ...{ name, value, unit: 'ms', baseline: null },
  goal: atMost === null ? null : { kind: 'at most', value: atMost },
});

function ticking(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() > endMs;
}

interface Answered {
  readonly path: string;
  readonly tookMs: number;
}

async function answersUntil({ origin, token }: PageGround, isOver: () => boolean): Promise<Answered[]> {
  const answers: Answered[] = [];
  const asked = { isOver: false };
  const asking = Array.from({ length: askers }, async (_, first) => {
    for (let at = first; !asked.isOver; at++) {
      const path = paths[at % paths.length] ?? '';
      const { status, tookMs } = await send(`${origin}${path}`, { headers: { authorization: `Bearer ${token}` } });
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
