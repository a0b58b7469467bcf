import { metricsText } from '../../observe/metrics-text.js';
import type { DatasetStatus } from '../../engine/engine-status.js';
import type { ApiContext } from '../api-context.js';
import type { statusRoutes } from '../contract/status-routes.js';
import { isoTime, optionalIsoTime } from '../iso-time.js';
import { metricsOf } from '../metrics/metrics-of.js';
import { openApiDocument } from '../openapi.js';
import type { Handlers } from './handler.js';
import { statusAnswer } from './status-answer.js';
import type { Status } from '../contract/status-schemas.js';
import { SyncError } from '../../core/sync-error.js';

/** Of the older API; clients look at its first digit. */
const apiVersion = '1.0.0';

export const statusHandlers: Handlers<keyof typeof statusRoutes> = {
  livez: () => ({ status: 'ok' }),
  async readyz(_, { status }) {
    const look = await status.read();
    if (look.status.datasets.every(({ isOpen }) => isOpen)) return { status: 'ok' };
    throw new SyncError('USYNC-1002', 'Not every dataset is open.');
  },
  async metrics(_, context) {
    return new Response(metricsText(await metricsOf(context)), {
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    });
  },
  ping: (_, { serverId, system, version }) => ({
    status: 'ok',
    timestamp: isoTime(system.nowMs()),
    version: apiVersion,
    server_id: serverId,
    software_version: version,
  }),
  status: (_, context) => currentStatus(context),
  async syncStatus(_, context) {
    const { state, headline } = await currentStatus(context);
    return { active: state === 'catching-up' || state === 'starting', message: headline, type: typeByState[state] };
  },
  async health(_, context) {
    const { system, figures, live, status, config, doctor } = context;
    const look = await status.read();
    const { uptimeSeconds, memoryBytes, eventLoopLagMs } = figures.read();
    return {
      findings: [...doctor(), ...engineFindings(look.status.datasets)],
      process: {
        uptime_seconds: uptimeSeconds,
        memory_bytes: memoryBytes,
        event_loop_lag_ms: eventLoopLagMs,
        live_clients: live.watchers,
      },
      disks: await disksOf(context),
      journal: look.status.datasets.map(({ name, journalBytes }) => ({
        dataset: name,
        bytes: journalBytes,
        bytes_max: config.journal.bytesMax,
      })),
      errors: errorsOf(context),
      checked_at: isoTime(system.nowMs()),
    };
  },
  recovery: (_, context, { patienceMs }) =>
    context.kept.answer(['recovery'], () => recoveryAnswer(context), patienceMs),
  openapi: (_, { version }) => openApiDocument(version),
};

export async function currentStatus({ status, config, expected, engine }: ApiContext): Promise<Status> {
  return statusAnswer(await status.read(), { config, expected: expected.list(), paused: engine.paused() });
}

const typeByState = {
  starting: 'info',
  alone: 'info',
  'in-sync': 'success',
  'catching-up': 'info',
  waiting: 'warning',
  degraded: 'danger',
  stopping: 'info',
} as const;

function engineFindings(datasets: readonly DatasetStatus[]) {
  return datasets.map(({ name, selfTest }) =>
    selfTest.kind === 'failed'
      ? {
          level: 'fail' as const,
          subject: `dataset ${name}`,
          text: `writes are not captured: ${selfTest.reason}`,
          next_step: 'Restart the engine; if it stays, report the log.',
        }
      : {
          level: selfTest.kind === 'passed' ? ('ok' as const) : ('warn' as const),
          subject: `dataset ${name}`,
          text: selfTest.kind === 'passed' ? 'a test write was captured' : 'not tested yet',
          next_step: selfTest.kind === 'passed' ? '' : 'Look again in a moment: the test follows the start.',
        },
  );
}

/** A disk may be slow to tell, or hang: what it told last is near enough. */
async function disksOf({ config, figures, kept }: ApiContext) {
  const paths = [config.dataFolder, ...config.datasets.flatMap(({ sqlite, folder }) => sqlite ?? folder ?? [])];
  const { disks } = await kept.answer(['disks'], async () => {
    const found = await Promise.all(paths.map(async (path) => ({ path, disk: await figures.disk(path) })));
    return {
      disks: found.flatMap(({ path, disk }) =>
        disk ? [{ path, free_bytes: disk.freeBytes, total_bytes: disk.totalBytes }] : [],
      ),
    };
  });
  return disks;
}

function errorsOf({ live }: ApiContext) {
  const byCode = new Map<string, { code: string; count: number; last_at: string; text: string }>();
  // Newest first: the first of each code is its last.
  for (const { code, level, started_at, sync_details } of live.entries()) {
    if (code === null || (level !== 'error' && level !== 'warn')) continue;
    const known = byCode.get(code);
    if (known) known.count += 1;
    else byCode.set(code, { code, count: 1, last_at: started_at, text: sync_details });
  }
  return [...byCode.values()];
}

async function recoveryAnswer(context: ApiContext) {
  const look = await context.status.read();
  const datasets = [];
  for (const dataset of look.status.datasets) datasets.push(await recoveryOf(context, dataset));
  return { datasets };
}

async function recoveryOf({ engine, config }: ApiContext, dataset: DatasetStatus) {
  const { name, folder, journalBytes, conflicts, lastAudit } = dataset;
  const { forgotten } = dataset.isOpen ? await engine.conflicts({ dataset: name, max: 1 }) : { forgotten: 0 };
  const kept = folder === null || !dataset.isOpen ? null : await engine.folder(name).history({ max: 100_000 });
  return {
    dataset: name,
    kind: folder === null ? ('database' as const) : ('folder' as const),
    history_since: optionalIsoTime(dataset.journalSinceMs),
    history_days: config.journal.historyDays,
    journal_bytes: journalBytes,
    conflicts_open: conflicts,
    conflicts_forgotten: forgotten,
    kept_files: kept?.length ?? null,
    kept_file_bytes: kept?.reduce((sum, { size }) => sum + size, 0) ?? null,
    last_audit: lastAudit && { at: isoTime(lastAudit.atMs), rows: lastAudit.rows, differing: lastAudit.differing },
    went_back: dataset.epochChange && { at: isoTime(dataset.epochChange.atMs), reason: dataset.epochChange.reason },
  };
}
