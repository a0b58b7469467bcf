import type { EngineStatus } from '../../engine/engine-status.js';
import type { CounterValues } from '../../observe/counters.js';
import type { Metric, Sample } from '../../observe/metrics-text.js';
import { counter, flag, gauge, sample, secondsOf } from './metric.js';

/** Of each dataset: what stands in it. */
export function datasetMetrics({ datasets }: EngineStatus): Metric[] {
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

/** Of each dataset: how sure that is, and how far back one can look. */
export function proofMetrics({ datasets }: EngineStatus): Metric[] {
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

/** Sums since the start. */
export function counterMetrics({ datasets, loopFailures, connections, refusals }: CounterValues): Metric[] {
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
