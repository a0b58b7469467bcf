/**
 * One dataset of this server: opens its database, holds it against the witness, captures what applications write,
 * forgets what everyone has. Works under supervision; a database that fails is opened again.
 */
import type { DatasetConfig, JournalConfig } from '../config/config.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import type { Heirs } from '../core/heirs.js';
import type { NumberLane } from '../core/number-lane.js';
import type { ServerId } from '../core/origin.js';
import { stampIn, type VersionVector } from '../core/version-vector.js';
import type { DrainOutcome, HintedDrain, OpeningOptions, Replica, ReplicaReport } from '../databases/replica.js';
import type { Observe } from '../observe/event.js';
import type { System } from '../system/system.js';
import type { AuditStatus, SelfTestStatus } from './engine-status.js';
import { auditTables, type AuditResult, type AuditTools } from './audit-tables.js';
import { createCountedReplica } from './counted-replica.js';
import { followedWork, type FoundWork } from './dataset-work.js';
import { drainPollMs, pruneEveryMs, witnessAfterMs, witnessPollMs } from './engine-limits.js';
import { createGatedReplica } from './gated-replica.js';
import type { Supervisor } from './supervisor.js';
import { createWakeup, type Wakeup } from './wakeup.js';
import { epochReason, type EpochChange, type WitnessStore } from './witness.js';

/** What the list of servers means for one dataset here. */
export interface PlaceInGroup {
  /** Who confirms for removed servers. */
  readonly heirs: Heirs;
  /** Which generated numbers this server takes. */
  readonly lane: NumberLane | null;
}

export interface DatasetRunner {
  readonly name: string;
  readonly config: DatasetConfig;
  /** For sessions: refuses calls while the database is not open. */
  readonly replica: Replica;
  readonly facts: DatasetFacts;
  /** Whether it carries out something that questions have to wait for. */
  isAtWork(): boolean;
  /** Opens the database and starts the loops. Rejects for what only a person can mend; the rest is tried again. */
  start(): Promise<void>;
  /** What is here becomes the beginning of the dataset. Resolves when every row is adopted. */
  found(): Promise<void>;
  /** The same, but only for a dataset that is no part of a group yet. */
  foundIfFresh(): Promise<void>;
  /** Forgets that this server was ever part of the dataset: what is here can then be compared with a group's. */
  becomeFresh(): Promise<void>;
  /** Captures what is committed by now. Does nothing for a dataset that is no part of a group yet. */
  capture(): Promise<void>;
  /** Looks for new rows now. */
  wake(): void;
  /** Told to the database as soon as it is open, and again until it has taken it. */
  setPlace(place: PlaceInGroup): void;
  /** Something was merged or the origin changed: the witness must follow. */
  noteMoved(): void;
  /** One table, some, or all at once. */
  audit(tables?: string | readonly string[], tools?: AuditTools): Promise<AuditResult>;
  stop(): Promise<void>;
}

export interface DatasetFacts {
  readonly isOpen: boolean;
  readonly report: ReplicaReport | null;
  readonly lastFailure: { readonly code: string; readonly text: string } | null;
  readonly selfTest: SelfTestStatus;
  readonly lastAudit: AuditStatus | null;
  /** Long work that runs in the database now. */
  readonly work: FoundWork | null;
  /** The last time that this server went on under a new epoch, for this dataset. */
  readonly epochChange: EpochChange | null;
}

export interface DatasetRunnerOptions {
  readonly config: DatasetConfig;
  readonly replica: Replica;
  readonly server: ServerId;
  readonly bootId: string | null;
  readonly witness: WitnessStore;
  readonly system: System;
  readonly observe: Observe;
  readonly supervisor: Supervisor;
  /** Aborts when the engine stops: long work ends between two steps. */
  readonly stopping: AbortSignal;
  /** The vector may have moved. */
  readonly onMoved: (dataset: string, drained: HintedDrain | null) => void;
  /** The database is open again. */
  readonly onOpened: (dataset: string) => void;
  /** Of what `own` holds, what every member that carries the dataset has durably acknowledged. */
  readonly covered: (dataset: string, own: VersionVector) => Promise<VersionVector>;
  readonly journal: JournalConfig;
}

interface RunnerState {
  isReady: boolean;
  report: ReplicaReport | null;
  lastFailure: DatasetFacts['lastFailure'];
  selfTest: SelfTestStatus;
  lastAudit: AuditStatus | null;
  epochChange: EpochChange | null;
  work: FoundWork | null;
  isFounding: boolean;
  place: PlaceInGroup;
  /** Set while the database may not know its place. */
  isPlaceDue: boolean;
  /** Set while the witness may be behind the database, by `markWitnessDue`. */
  isWitnessDue: boolean;
  readonly witnessWakeup: Wakeup;
  /** Opening, from the start on; null before. */
  starting: Promise<void> | null;
  /** Set by the first call of `stop`; those after it wait for the same. */
  stopped: Promise<void> | null;
}

export function createDatasetRunner(given: DatasetRunnerOptions): DatasetRunner {
  const counted = createCountedReplica(given.replica);
  const { replica } = counted;
  const options = { ...given, replica };
  const { config } = options;
  const state: RunnerState = {
    isReady: false,
    report: null,
    lastFailure: null,
    selfTest: { kind: 'not-run' },
    lastAudit: null,
    epochChange: null,
    work: null,
    isFounding: false,
    place: { heirs: new Map(), lane: null },
    isPlaceDue: false,
    isWitnessDue: false,
    witnessWakeup: createWakeup(options.system),
    starting: null,
    stopped: null,
  };
  const wakeup = createWakeup(options.system);
  const forgetTold = listen(options, state, wakeup);
  const loops: { stop(): Promise<void> }[] = [];
  const startLoops = (): void => void loops.push(...loopsOf(options, state, wakeup));
  return {
    name: config.name,
    config,
    replica: createGatedReplica(replica, () => state.isReady),
    get facts() {
      return factsOf(state);
    },
    isAtWork: () => counted.isAtWork(),
    async start() {
      state.starting = openOrLeaveToLoop(options, state);
      await state.starting;
      if (state.stopped === null) startLoops();
    },
    async becomeFresh() {
      for (const loop of loops.splice(0).toReversed()) await loop.stop();
      await openAsFresh(options, state).finally(startLoops);
    },
    found: () => found(options, state),
    async foundIfFresh() {
      if (state.isReady && (await replica.position()).isFresh) await found(options, state);
    },
    async capture() {
      if (state.isReady && (await mayCapture(options, state))) while ((await drainOnce(options, state)).hasMore);
    },
    wake: () => wakeup.wake(),
    setPlace(place) {
      Object.assign(state, { place, isPlaceDue: true });
      wakeup.wake();
    },
    noteMoved: () => markWitnessDue(state),
    audit: (tables, tools) => audit(options, state, { tables, tools }),
    stop() {
      state.stopped ??= stop(options, state, { loops, forgetTold });
      return state.stopped;
    },
  };
}

async function openAsFresh(options: DatasetRunnerOptions, state: RunnerState): Promise<void> {
  Object.assign(state, { isReady: false, isFounding: false });
  // A worker drains by itself once it has drained: another one must begin.
  await closeQuietly(options.replica);
  await open(options, state, { asFresh: true });
}

const loopsOf = (options: DatasetRunnerOptions, state: RunnerState, wakeup: Wakeup): { stop(): Promise<void> }[] => {
  const { config, supervisor } = options;
  return [
    supervisor.supervise(`capture ${config.name}`, (signal, alive) =>
      guarded(options, state, () => captureLoop(options, state, { signal, alive, wakeup })),
    ),
    supervisor.supervise(`witness ${config.name}`, (signal, alive) => witnessLoop(options, state, { signal, alive })),
    supervisor.supervise(`prune ${config.name}`, (signal, alive) => pruneLoop(options, state, { signal, alive })),
  ];
};

/** Follows what the replica tells of itself; returns the way to stop it. */
function listen(options: DatasetRunnerOptions, state: RunnerState, wakeup: Wakeup): () => void {
  const { replica, system } = options;
  const forgetting = [
    replica.onHint(wakeup.wake),
    replica.onDrained?.((drained) => {
      noteHinted(options, state, drained);
      if (drained.outcome.hasMore) wakeup.wake();
    }),
    replica.onWork?.((work) => {
      state.work = followedWork(state.work, work, system.monotonicMs());
    }),
  ];
  return () => {
    for (const forget of forgetting) forget?.();
  };
}

function factsOf(state: RunnerState): DatasetFacts {
  const { isReady, report, lastFailure, selfTest, lastAudit, epochChange, work } = state;
  return { isOpen: isReady, report, lastFailure, selfTest, lastAudit, epochChange, work };
}

interface Stopping {
  readonly loops: readonly { stop(): Promise<void> }[];
  readonly forgetTold: () => void;
}

/** Also while it opens: what comes of that is closed. */
async function stop(options: DatasetRunnerOptions, state: RunnerState, { loops, forgetTold }: Stopping): Promise<void> {
  await state.starting?.catch(() => undefined);
  forgetTold();
  for (const loop of loops.toReversed()) await loop.stop();
  if (state.isReady) await leaveClean(options, state);
}

async function found(options: DatasetRunnerOptions, state: RunnerState): Promise<void> {
  if (!state.isReady) throw new SyncError('USYNC-1002', `Dataset ${options.config.name} is not open.`);
  state.isFounding = true;
  while ((await drainOnce(options, state)).hasMore) refuseStopping(options);
  await options.replica.flush();
  await writeWitness(options, state, false);
  options.onMoved(options.config.name, null);
}

function refuseStopping({ stopping, config }: DatasetRunnerOptions): void {
  if (stopping.aborted)
    throw new SyncError('USYNC-1002', `Taking in the rows of ${config.name} ended: the server is stopping.`);
}

/** What only a person can mend ends the start; the rest is shown and tried again. */
export const startFailures: readonly string[] = [
  'USYNC-1200',
  'USYNC-1202',
  'USYNC-1203',
  'USYNC-1204',
  'USYNC-1205',
  'USYNC-1206',
  'USYNC-1209',
];

async function openOrLeaveToLoop(options: DatasetRunnerOptions, state: RunnerState): Promise<void> {
  try {
    await open(options, state);
  } catch (error) {
    if (startFailures.includes(errorCodeOf(error))) throw error;
    state.lastFailure = { code: errorCodeOf(error), text: errorMessageOf(error) };
  }
}

async function open(options: DatasetRunnerOptions, state: RunnerState, opening?: OpeningOptions): Promise<void> {
  const { replica, config, observe, witness, server, bootId } = options;
  state.isReady = false;
  try {
    const report = await replica.open(opening);
    // Opening writes a row of its own and must find it noted, or it fails.
    state.selfTest = { kind: 'passed', atMs: options.system.nowMs() };
    const position = await replica.position();
    const opened = { databaseId: report.databaseId, isOlder: report.isOlder, ...position };
    const remembered = await witness.read();
    const reason = epochReason(remembered, opened, { server, bootId });
    state.epochChange ??= remembered?.witness.epochChange ?? null;
    let { origin } = position;
    if (reason !== null) {
      state.epochChange = { atMs: options.system.nowMs(), reason };
      origin = await replica.newEpoch(reason);
      observe('warn', { kind: 'epoch-changed', dataset: config.name, origin, reason });
    }
    state.report = { ...report, origin };
    // A restored database may know others.
    state.isPlaceDue = true;
    await writeWitness(options, state, false);
    state.isReady = true;
    state.lastFailure = null;
    tellOpened(options, state.report);
    options.onOpened(config.name);
  } catch (error) {
    if (errorCodeOf(error) === 'USYNC-1001')
      state.selfTest = { kind: 'failed', atMs: options.system.nowMs(), reason: errorMessageOf(error) };
    await closeQuietly(replica);
    throw error;
  }
}

function tellOpened({ observe, config }: DatasetRunnerOptions, report: ReplicaReport): void {
  const synced = report.tables.filter((table) => table.isSynced);
  const rows = synced.reduce((sum, table) => sum + table.rows, 0);
  const tables = config.folder === undefined ? synced.length : null;
  observe('info', { kind: 'dataset-opened', dataset: config.name, tables, rows });
  for (const { code, text } of report.notices)
    observe(code.startsWith('USYNC-') ? 'warn' : 'info', { kind: 'dataset-notice', dataset: config.name, code, text });
}

/** A failure after which the database may not be what it was: it is closed and opened again, against the witness. */
async function guarded(options: DatasetRunnerOptions, state: RunnerState, work: () => Promise<void>): Promise<void> {
  try {
    if (!state.isReady) await open(options, state);
    await work();
  } catch (error) {
    state.lastFailure = { code: errorCodeOf(error), text: errorMessageOf(error) };
    if (!passingFailures.includes(errorCodeOf(error))) {
      state.isReady = false;
      await closeQuietly(options.replica);
    }
    throw error;
  }
}

/** Locks and full disks come and go; the open database is still the same. */
const passingFailures: readonly string[] = ['USYNC-1201', 'USYNC-1207'];

interface CaptureLoop {
  readonly signal: AbortSignal;
  readonly alive: () => void;
  readonly wakeup: Wakeup;
}

async function captureLoop(
  options: DatasetRunnerOptions,
  state: RunnerState,
  { signal, alive, wakeup }: CaptureLoop,
): Promise<void> {
  while (!signal.aborted) {
    if (!state.isReady) throw new SyncError('USYNC-1208', `Dataset ${options.config.name} must be opened again.`);
    if (state.isPlaceDue) await tellPlace(options, state);
    if (await mayCapture(options, state)) {
      let outcome: DrainOutcome;
      do outcome = await drainOnce(options, state);
      while (outcome.hasMore && !signal.aborted);
    }
    state.lastFailure = null;
    alive();
    await wakeup.wait(drainPollMs, signal);
  }
}

async function tellPlace({ replica, config, onMoved }: DatasetRunnerOptions, state: RunnerState): Promise<void> {
  const { place } = state;
  await replica.setNumberLane(place.lane);
  await replica.setHeirs(place.heirs);
  if (state.place === place) state.isPlaceDue = false;
  // What became a duty by it was written at once.
  markWitnessDue(state);
  onMoved(config.name, null);
}

/** A dataset that is no part of a group yet must take the group's state first, or be founded on purpose. */
async function mayCapture(options: DatasetRunnerOptions, state: RunnerState): Promise<boolean> {
  return state.isFounding || !(await options.replica.position()).isFresh;
}

async function drainOnce(options: DatasetRunnerOptions, state: RunnerState): Promise<DrainOutcome> {
  const outcome = await options.replica.drain();
  noteDrained(options, state, outcome);
  if (outcome.changesets > 0) options.onMoved(options.config.name, null);
  return outcome;
}

/** What the replica drained by itself. */
function noteHinted(options: DatasetRunnerOptions, state: RunnerState, drained: HintedDrain): void {
  if (!state.isReady) return;
  noteDrained(options, state, drained.outcome);
  if (drained.outcome.changesets > 0) options.onMoved(options.config.name, drained);
}

function noteDrained({ observe, config }: DatasetRunnerOptions, state: RunnerState, outcome: DrainOutcome): void {
  if (outcome.schemaChanged) observe('info', { kind: 'schema-changed', dataset: config.name });
  if (outcome.changesets > 0) {
    const { changesets, rows } = outcome;
    observe('debug', { kind: 'captured', dataset: config.name, changesets, rows });
    markWitnessDue(state);
  }
}

interface PlainLoop {
  readonly signal: AbortSignal;
  readonly alive: () => void;
}

function markWitnessDue(state: RunnerState): void {
  state.isWitnessDue = true;
  state.witnessWakeup.wake();
}

/** Sleeps while nothing moves. When something does, what follows within a moment is remembered by the same write. */
async function witnessLoop(
  options: DatasetRunnerOptions,
  state: RunnerState,
  { signal, alive }: PlainLoop,
): Promise<void> {
  const moment = createWakeup(options.system);
  while (!signal.aborted) {
    if (state.isWitnessDue) await moment.wait(witnessAfterMs, signal);
    else await state.witnessWakeup.wait(witnessPollMs, signal);
    if (state.isWitnessDue && state.isReady && !signal.aborted) await writeWitness(options, state, false);
    alive();
  }
}

/** The witness went back together with the database, so that only others could know. */
const foundByPeer = 'peers hold another history of this server: a restored backup or a cloned machine';

async function writeWitness(options: DatasetRunnerOptions, state: RunnerState, isClean: boolean): Promise<void> {
  const { replica, witness, bootId } = options;
  state.isWitnessDue = false;
  try {
    const { origin, vector } = await replica.position();
    if (!state.report) return;
    if (origin !== state.report.origin) {
      state.report = { ...state.report, origin };
      state.epochChange = { atMs: options.system.nowMs(), reason: foundByPeer };
    }
    const { databaseId } = state.report;
    const { epochChange } = state;
    const stamp = stampIn(vector, origin);
    await witness.write({ databaseId, origin, stamp, bootId, isClean, ...(epochChange && { epochChange }) });
  } catch (error) {
    markWitnessDue(state);
    throw error;
  }
}

async function pruneLoop(
  options: DatasetRunnerOptions,
  state: RunnerState,
  { signal, alive }: PlainLoop,
): Promise<void> {
  const wakeup = createWakeup(options.system);
  while (!signal.aborted) {
    await wakeup.wait(pruneEveryMs, signal);
    if (signal.aborted) return;
    if (state.isReady) await pruneJournal(options);
    alive();
  }
}

/** What every carrier has, within the bounds that a person set. */
async function pruneJournal({ replica, journal, config, covered }: DatasetRunnerOptions): Promise<void> {
  const { vector, isFresh, isLanding } = await replica.position();
  if (isFresh || isLanding) return;
  await replica.prune({
    covered: await covered(config.name, vector),
    ageMaxMs: journal.daysMax * 86_400_000,
    bytesMax: journal.bytesMax,
    keepMs: journal.historyDays * 86_400_000,
    keepBytes: journal.historyBytes,
  });
}

interface Auditing {
  readonly tables: string | readonly string[] | undefined;
  readonly tools: AuditTools | undefined;
}

async function audit(
  options: DatasetRunnerOptions,
  state: RunnerState,
  { tables, tools = {} }: Auditing,
): Promise<AuditResult> {
  if (!state.isReady) throw new SyncError('USYNC-1002', `Dataset ${options.config.name} is not open.`);
  const result = await auditTables(options, tables, tools);
  const { tables: _, ...status } = result;
  // What was ended half-way, or read nothing since nothing is captured yet, is no audit of the dataset.
  if (!tools.signal?.aborted && result.tables.length > 0) state.lastAudit = status;
  options.onMoved(options.config.name, null);
  return result;
}

/** The last things in order: what is noted is captured, made durable, and remembered as an orderly end. */
async function leaveClean(options: DatasetRunnerOptions, state: RunnerState): Promise<void> {
  const { replica } = options;
  try {
    if (await mayCapture(options, state)) while ((await drainOnce(options, state)).hasMore);
    await replica.flush();
    state.isReady = false;
    await writeWitness(options, state, true);
  } catch (error) {
    // The next start then treats this as what it is: an end that was not orderly.
    state.lastFailure = { code: errorCodeOf(error), text: errorMessageOf(error) };
  }
  state.isReady = false;
  await closeQuietly(replica);
}

/** Closing is the last thing: what fails there has nothing left to harm, and the lock ends with the process. */
async function closeQuietly(replica: Replica): Promise<void> {
  await replica.close().catch(() => undefined);
}
