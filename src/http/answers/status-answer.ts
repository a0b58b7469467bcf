import type { Config } from '../../config/config.js';
import type { DatasetWork } from '../../engine/dataset-work.js';
import type { DatasetStatus } from '../../engine/engine-status.js';
import type { PausedServers } from '../../engine/page-calls.js';
import type { Problem as ObservedProblem } from '../../observe/problem.js';
import type { Problem } from '../contract/shared-schemas.js';
import type { Dataset, Status } from '../contract/status-schemas.js';
import type { ExpectedServer } from '../expected-servers.js';
import { isoTime, optionalIsoTime } from '../iso-time.js';
import type { StatusLook } from '../status-reader.js';
import { serverAnswers } from './server-answer.js';

export interface StatusPlace {
  readonly config: Config;
  readonly expected: readonly ExpectedServer[];
  readonly paused: PausedServers;
}

export function statusAnswer(look: StatusLook, place: StatusPlace): Status {
  const { status } = look;
  const datasets = status.datasets.map((dataset) => datasetAnswer(dataset, place.config));
  const databases = datasets.filter(({ kind }) => kind === 'database');
  const proofs = datasets.flatMap(({ proven_at }) => proven_at ?? []).toSorted();
  const [worst] = status.problems;
  return {
    overall_health: healthOf(look),
    timestamp: isoTime(status.atMs),
    active_servers: 1 + status.peers.filter(({ connection }) => connection === 'connected').length,
    database_sync: {
      active: databases.length > 0 && databases.every((each) => each.is_open && each.self_test.kind === 'passed'),
      is_in_sync: status.isInSync,
      databases: databases.length,
      rows: databases.reduce((sum, { rows }) => sum + rows, 0),
      last_change: lastOf(databases.flatMap(({ last_capture, last_merge }) => [last_capture, last_merge])),
    },
    file_sync: fileSync(datasets),
    reliability_features: features(datasets, look),
    state: status.state,
    is_in_sync: status.isInSync,
    headline: status.headline,
    next_step: worst?.nextStep ?? nextStepByState[status.state] ?? null,
    proven_at: status.isInSync ? (proofs[0] ?? null) : null,
    server: {
      id: status.server.id,
      name: status.server.name,
      version: status.server.version,
      fingerprint: status.server.fingerprint,
      listen: status.server.listen,
      started_at: isoTime(status.server.startedAtMs),
      membership: status.server.membership,
    },
    datasets,
    servers: serverAnswers(look, place),
    problems: status.problems.map(problemAnswer),
    open_conflicts: datasets.reduce((sum, { conflicts }) => sum + conflicts, 0),
    quarantined: datasets.reduce((sum, { quarantined }) => sum + quarantined, 0),
  };
}

function healthOf({ status }: StatusLook): Status['overall_health'] {
  if (status.state === 'degraded' || status.problems.some(({ level }) => level === 'error')) return 'critical';
  const isCalm = status.problems.length === 0 && (status.state === 'in-sync' || status.state === 'alone');
  return isCalm ? 'healthy' : 'warning';
}

const nextStepByState: Partial<Record<Status['state'], string>> = {
  alone: 'Add a server.',
  'catching-up': 'Nothing to do: it goes on by itself.',
  waiting: 'Look at the servers that are not reached.',
};

const lastOf = (times: readonly (string | null)[]): string | null =>
  times
    .flatMap((time) => time ?? [])
    .toSorted()
    .at(-1) ?? null;

function fileSync(datasets: readonly Dataset[]): Status['file_sync'] {
  const folders = datasets.flatMap((dataset) => (dataset.folder === null ? [] : [{ dataset, folder: dataset.folder }]));
  const sum = (pick: (folder: NonNullable<Dataset['folder']>) => number): number =>
    folders.reduce((total, { folder }) => total + pick(folder), 0);
  return {
    active: folders.length > 0 && folders.every(({ dataset, folder }) => dataset.is_open && folder.problem === null),
    statistics: {
      folders: folders.length,
      files: sum(({ entries }) => entries),
      bytes: sum(({ bytes }) => bytes),
      pending: sum(({ pending }) => pending),
      waiting: sum(({ waiting }) => waiting),
    },
  };
}

/** Nothing is claimed because a switch is on: each is what was seen last. */
function features(datasets: readonly Dataset[], { status }: StatusLook): Status['reliability_features'] {
  const own = datasets.length > 0;
  return {
    capture_self_test_passed: own && datasets.every(({ self_test }) => self_test.kind === 'passed'),
    // A table that a server lacks is not compared.
    every_server_proven_equal: status.isInSync && status.datasets.every(({ notCompared }) => notCompared.length === 0),
    no_rows_held_back: datasets.every(({ held, quarantined }) => held + quarantined === 0),
    no_open_conflicts: datasets.every(({ conflicts }) => conflicts === 0),
    all_servers_connected:
      status.peers.length > 0 && status.peers.every(({ connection }) => connection === 'connected'),
  };
}

function datasetAnswer(dataset: DatasetStatus, config: Config): Dataset {
  const { selfTest, lastAudit, folder } = dataset;
  const configured = config.datasets.find(({ name }) => name === dataset.name);
  return {
    name: dataset.name,
    kind: configured?.folder === undefined ? 'database' : 'folder',
    place: configured?.folder ?? configured?.sqlite ?? '',
    state: dataset.state,
    is_open: dataset.isOpen,
    origin: dataset.origin,
    journal_mode: dataset.journalMode,
    tables: folder === null ? dataset.tables : 0,
    rows: dataset.rows,
    held: dataset.held,
    quarantined: dataset.quarantined,
    conflicts: dataset.conflicts,
    left_out: [...dataset.leftOut],
    not_compared: [...dataset.notCompared],
    journal_bytes: dataset.journalBytes,
    is_landing: dataset.isLanding,
    work: dataset.work && workAnswer(dataset.work),
    is_fresh: dataset.isFresh,
    captured_changesets: dataset.capturedChangesets,
    merged_changesets: dataset.mergedChangesets,
    last_capture: optionalIsoTime(dataset.lastCaptureMs),
    last_merge: optionalIsoTime(dataset.lastMergeMs),
    self_test: {
      kind: selfTest.kind,
      at: selfTest.kind === 'not-run' ? null : isoTime(selfTest.atMs),
      reason: selfTest.kind === 'failed' ? selfTest.reason : null,
    },
    last_audit: lastAudit && { at: isoTime(lastAudit.atMs), rows: lastAudit.rows, differing: lastAudit.differing },
    proven_at: optionalIsoTime(dataset.provenAtMs),
    folder: folder && {
      entries: folder.entries,
      bytes: folder.bytes,
      pending: folder.pending,
      waiting: folder.waiting,
      left_out: folder.leftOut,
      problem: folder.problem,
    },
  };
}

const workAnswer = ({ text, done, total, unit, perSecond, secondsLeft }: DatasetWork): Dataset['work'] => ({
  ...{ text, done, total, unit },
  rate_per_second: perSecond === null ? null : Math.round(perSecond * 100) / 100,
  seconds_left: secondsLeft,
});

const problemAnswer = ({ code, level, subject, reason, nextStep, sinceMs, count }: ObservedProblem): Problem => ({
  ...{ code, level, subject, reason },
  next_step: nextStep,
  since: isoTime(sinceMs),
  count,
});
