import type { Metric } from '../../observe/metrics-text.js';
import type { EngineStatus } from '../../engine/engine-status.js';
import type { ApiContext } from '../api-context.js';
import { counterMetrics, datasetMetrics, proofMetrics } from './dataset-metrics.js';
import { counter, flag, gauge, histogram, sample, secondsOf } from './metric.js';
import { peerMetrics } from './peer-metrics.js';

/** The figures of this server, read now. Labels are names of servers and datasets, which are few. */
export async function metricsOf(context: ApiContext): Promise<readonly Metric[]> {
  const { status, servers } = await context.status.read();
  const counters = context.engine.counters();
  return [
    ...ownMetrics(context, status),
    ...peerMetrics(status, counters),
    ...datasetMetrics(status),
    ...proofMetrics(status),
    ...counterMetrics(counters),
    gauge('usync_servers', 'Servers of the group by state.', [
      ...(['member', 'pending', 'removed'] as const).map((state) =>
        sample(servers.filter((server) => server.state === state).length, { state }),
      ),
    ]),
    ...(await machineMetrics(context)),
  ];
}

function ownMetrics(
  { access, live, jobs, version, certificateEndsMs, requestTimes }: ApiContext,
  status: EngineStatus,
): Metric[] {
  return [
    gauge('usync_build_info', 'The version of this software.', [sample(1, { version, server: status.server.name })]),
    gauge('usync_in_sync', '1 with the proof of every dataset with every server.', [sample(flag(status.isInSync))]),
    gauge('usync_start_timestamp_seconds', 'When the engine started.', [sample(status.server.startedAtMs / 1_000)]),
    gauge(
      'usync_problems',
      'Open problems by level.',
      (['error', 'warn'] as const).map((level) =>
        sample(status.problems.filter((problem) => problem.level === level).length, { level }),
      ),
    ),
    counter('usync_login_failures_total', 'Failed sign-ins.', [sample(access.loginFailures())]),
    gauge('usync_live_clients', 'Open live connections.', [sample(live.watchers)]),
    gauge('usync_cert_expiry_timestamp_seconds', "When the page's certificate ends.", [
      sample(secondsOf(certificateEndsMs)),
    ]),
    histogram(
      'usync_http_request_duration_seconds',
      'Time to the answer of a request to the API, by route.',
      requestTimes.read().map(({ method, route, reading }) => ({ labels: { method, route }, reading })),
    ),
    gauge('usync_jobs_running', 'Jobs that run.', [
      sample(jobs.list().filter(({ state }) => state === 'running').length),
    ]),
  ];
}

async function machineMetrics({ figures, config, kept }: ApiContext): Promise<Metric[]> {
  const { uptimeSeconds, memoryBytes, cpuSeconds, eventLoopLagMs } = figures.read();
  const { disk } = await kept.answer(['disk'], async () => ({ disk: await figures.disk(config.dataFolder) }));
  return [
    gauge('usync_disk_free_bytes', 'Free space where the data folder is.', [sample(disk?.freeBytes ?? null)]),
    gauge('process_resident_memory_bytes', 'Memory of the process.', [sample(memoryBytes)]),
    counter('process_cpu_seconds_total', 'CPU time of the process.', [sample(cpuSeconds)]),
    gauge('process_uptime_seconds', 'Age of the process.', [sample(uptimeSeconds)]),
    gauge('nodejs_eventloop_lag_seconds', 'Delay of the event loop, 99th percentile since the last look.', [
      sample(eventLoopLagMs / 1_000),
    ]),
  ];
}
