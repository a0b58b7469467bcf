import type { Metric, Sample } from '../observe/metrics-text.js';
import type { EngineStatus } from '../engine/engine-status.js';
import type { CounterValues } from '../observe/counters.js';
import type { ApiContext } from './api-context.js';

/** The figures of this server, read now. Labels are names of servers and datasets, which are few. */
export async function metricsOf(context: ApiContext): Promise<readonly Metric[]> {
  const { status, servers } = await context.status.read();
  const counters = context.engine.counters();
  return [
    ...ownMetrics(context, status),
    ...peerMetrics(status),
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

const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  help,
  kind: 'gauge',
  samples,
});
const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  help,
  kind: 'counter',
  samples,
});
const sample = (value: number | null, labels: Readonly<Record<string, string>> = {}): Sample => ({ labels, value });
const secondsOf = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);
const flag = (is: boolean): number => (is ? 1 : 0);

function ownMetrics({ access, live, jobs, version }: ApiContext, status: EngineStatus): Metric[] {
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
    gauge('usync_jobs_running', 'Jobs that run.', [
      sample(jobs.list().filter(({ state }) => state === 'running').length),
    ]),
  ];
}

function peerMetrics({ peers }: EngineStatus): Metric[] {
  const each = (pick: (peer: EngineStatus['peers'][number]) => number | null): Sample[] =>
    peers.map((peer) => sample(pick(peer), { peer: peer.name }));
  const pending = (direction: 'out' | 'in'): Sample[] =>
    peers.flatMap((peer) =>
      peer.datasets.map((dataset) =>
        sample((direction === 'out' ? dataset.pendingOut : dataset.pendingIn).origins, {
          ...{ peer: peer.name, dataset: dataset.dataset, direction },
        }),
      ),
    );
  const lag = ({ datasets }: EngineStatus['peers'][number]): number =>
    Math.max(0, ...datasets.map(({ pendingOut }) => pendingOut.behindMs ?? 0)) / 1_000;
  return [
    gauge(
      'usync_peer_connected',
      '1 while connected.',
      each(({ connection }) => flag(connection === 'connected')),
    ),
    gauge(
      'usync_peer_last_contact_timestamp_seconds',
      'When it was last heard.',
      each(({ lastContactMs }) => secondsOf(lastContactMs)),
    ),
    gauge(
      'usync_peer_last_ack_timestamp_seconds',
      'When it last acknowledged durably.',
      each(({ lastAckMs }) => secondsOf(lastAckMs)),
    ),
    gauge(
      'usync_peer_round_trip_seconds',
      'The last round trip.',
      each(({ roundTripMs }) => secondsOf(roundTripMs)),
    ),
    gauge(
      'usync_peer_clock_offset_seconds',
      "Its clock minus this server's.",
      each(({ clockOffsetMs }) => secondsOf(clockOffsetMs)),
    ),
    gauge('usync_peer_lag_seconds', 'How far it is behind the changes of this server.', each(lag)),
    gauge('usync_peer_pending_origins', 'Servers whose changes are not complete on the other side.', [
      ...pending('out'),
      ...pending('in'),
    ]),
    gauge(
      'usync_peer_proof_timestamp_seconds',
      'The newest proof that both hold the same.',
      peers.flatMap((peer) =>
        peer.datasets.map(({ dataset, proof }) => sample(secondsOf(proof?.atMs ?? null), { peer: peer.name, dataset })),
      ),
    ),
  ];
}

function datasetMetrics({ datasets }: EngineStatus): Metric[] {
  const each = (pick: (dataset: EngineStatus['datasets'][number]) => number | null): Sample[] =>
    datasets.map((dataset) => sample(pick(dataset), { dataset: dataset.name }));
  return [
    gauge(
      'usync_dataset_open',
      '1 while it can be read and written.',
      each(({ isOpen }) => flag(isOpen)),
    ),
    gauge(
      'usync_rows',
      'Rows, or entries of a folder.',
      each(({ rows }) => rows),
    ),
    gauge(
      'usync_held_rows',
      'Rows kept back here.',
      each(({ held }) => held),
    ),
    gauge(
      'usync_quarantined_changes',
      'What cannot be shown here yet.',
      each(({ quarantined }) => quarantined),
    ),
    gauge(
      'usync_conflicts_open',
      'Conflicts that nobody has decided about.',
      each(({ conflicts }) => conflicts),
    ),
  ];
}

function proofMetrics({ datasets }: EngineStatus): Metric[] {
  const each = (pick: (dataset: EngineStatus['datasets'][number]) => number | null): Sample[] =>
    datasets.map((dataset) => sample(pick(dataset), { dataset: dataset.name }));
  return [
    gauge(
      'usync_journal_bytes',
      'Size of the journal.',
      each(({ journalBytes }) => journalBytes),
    ),
    gauge(
      'usync_journal_oldest_timestamp_seconds',
      'The oldest entry of the journal.',
      each(({ journalSinceMs }) => secondsOf(journalSinceMs)),
    ),
    gauge(
      'usync_self_test_passed',
      '1 when the last test write was captured.',
      each(({ selfTest }) => flag(selfTest.kind === 'passed')),
    ),
    gauge(
      'usync_verify_last_success_timestamp_seconds',
      'The oldest of the newest proofs with each server.',
      each(({ provenAtMs }) => secondsOf(provenAtMs)),
    ),
    gauge(
      'usync_audit_last_timestamp_seconds',
      'When every row was last read again.',
      each(({ lastAudit }) => secondsOf(lastAudit?.atMs ?? null)),
    ),
    gauge(
      'usync_audit_mismatches',
      'Rows that differed then.',
      each(({ lastAudit }) => lastAudit?.differing ?? null),
    ),
    gauge(
      'usync_files_pending',
      'Entries not yet on disk.',
      each(({ folder }) => folder?.pending ?? null),
    ),
    gauge(
      'usync_files_waiting',
      'Entries that cannot be read or placed.',
      each(({ folder }) => folder?.waiting ?? null),
    ),
  ];
}

function counterMetrics({ datasets, loopFailures, connections, refusals }: CounterValues): Metric[] {
  // The list of servers is no data of the application.
  const shown = [...datasets].filter(([name]) => !name.startsWith('_'));
  const each = (pick: (counters: (typeof shown)[number][1]) => number): Sample[] =>
    shown.map(([dataset, counters]) => sample(pick(counters), { dataset }));
  return [
    counter(
      'usync_changes_captured_total',
      'Changesets captured here.',
      each(({ capturedChangesets }) => capturedChangesets),
    ),
    counter(
      'usync_rows_captured_total',
      'Rows captured here.',
      each(({ capturedRows }) => capturedRows),
    ),
    counter(
      'usync_changes_applied_total',
      'Changesets merged here.',
      each(({ mergedChangesets }) => mergedChangesets),
    ),
    counter(
      'usync_rows_applied_total',
      'Rows merged here.',
      each(({ mergedRows }) => mergedRows),
    ),
    counter(
      'usync_snapshots_sent_total',
      'Snapshots sent.',
      each(({ snapshotsSent }) => snapshotsSent),
    ),
    counter(
      'usync_snapshots_merged_total',
      'Snapshots merged.',
      each(({ snapshotsMerged }) => snapshotsMerged),
    ),
    counter(
      'usync_conflicts_total',
      'Conflicts resolved by rule.',
      each(({ conflicts }) => conflicts),
    ),
    counter(
      'usync_verify_mismatches_total',
      'Times that digests differed at equal vectors.',
      each(({ proofsFailed }) => proofsFailed),
    ),
    counter('usync_loop_failures_total', 'Failures of supervised work.', [
      sample([...loopFailures.values()].reduce((sum, count) => sum + count, 0)),
    ]),
    counter('usync_connections_total', 'Connections with servers.', [sample(connections)]),
    counter('usync_refusals_total', 'Connections that were refused.', [sample(refusals)]),
  ];
}

async function machineMetrics({ figures, config }: ApiContext): Promise<Metric[]> {
  const { uptimeSeconds, memoryBytes, cpuSeconds, eventLoopLagMs } = figures.read();
  const disk = await figures.disk(config.dataFolder);
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
