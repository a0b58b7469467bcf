/** What a running engine consists of, built in order and taken down in reverse. */
import { randomHex } from '../system/random.js';
import { ownAddresses } from '../system/own-addresses.js';
import type { Epoch, ServerId } from '../core/origin.js';
import type { HintedDrain, Replica } from '../databases/replica.js';
import { createActivity, type Activity } from '../observe/activity.js';
import { createCounters, type Counters } from '../observe/counters.js';
import { createOpenProblems, type OpenProblems } from '../observe/open-problems.js';
import { createRecorder, type Recorder } from '../observe/recorder.js';
import type { DataFiles } from '../system/data-files.js';
import type { Transport } from '../transports/transport.js';
import { openAcknowledged, type Acknowledged } from './acknowledged.js';
import type { DatasetConfig } from '../config/config.js';
import { createDatasetLooker, type DatasetLooker } from './dataset-look.js';
import { createDatasetRunner, type DatasetRunner } from './dataset-runner.js';
import type { EngineAdapters, EngineOptions, ReplicaOptions } from './engine.js';
import { activityEventsMax, serversDataset } from './engine-limits.js';
import { createContentPeers } from './content-peers.js';
import { createPacedContentPeers } from './paced-content-peers.js';
import type { ContentPeers } from '../core/content-request.js';
import type { System } from '../system/system.js';
import { createGroup, serversConfig, type Group } from './group.js';
import type { PeerLinks } from './peer-links.js';
import { openPauses, type Pauses } from './pauses.js';
import { openPeerLedger, type PeerLedger } from './peer-ledger.js';
import { createSupervisor, type Supervisor } from './supervisor.js';
import { createWitnessStore } from './witness.js';
import { createToldReplica } from './told-replica.js';

export interface Observation {
  readonly recorder: Recorder;
  readonly activity: Activity;
  readonly counters: Counters;
  readonly problems: OpenProblems;
}

export function createObservation({ system, observe }: EngineAdapters): Observation {
  const recorder = createRecorder(system);
  const activity = createActivity(activityEventsMax);
  const counters = createCounters();
  const problems = createOpenProblems();
  recorder.attach(activity.add);
  recorder.attach(counters.add);
  recorder.attach(problems.add);
  recorder.attach((event) => observe(event.level, event));
  return { recorder, activity, counters, problems };
}

/** Everything that exists before the first connection. */
export interface EngineGround {
  readonly options: EngineOptions;
  readonly adapters: EngineAdapters;
  readonly observation: Observation;
  readonly supervisor: Supervisor;
  /** Aborts when the engine stops. */
  readonly stopping: AbortSignal;
  readonly files: DataFiles;
  readonly transport: Transport;
  readonly self: { readonly id: ServerId; readonly name: string; readonly fingerprint: string };
  readonly bootNonce: string;
  readonly startedAtMs: number;
  readonly acknowledged: Acknowledged;
  readonly ledger: PeerLedger;
  readonly pauses: Pauses;
  readonly runners: ReadonlyMap<string, DatasetRunner>;
  readonly group: Group;
  /** One a dataset, the list of servers included once it is there. */
  readonly lookers: Map<string, DatasetLooker>;
  /** Set by what comes later: called when a dataset's vector moved, or its database was opened. */
  readonly signals: GroundSignals;
  /** Peers with which both sides have accepted each other. */
  readonly openPeers: Set<ServerId>;
  /** While a person's join runs, it dials by itself. */
  readonly joins: { isRunning: boolean };
}

export interface GroundSignals {
  onMoved: (dataset: string, drained: HintedDrain | null) => void;
  onOpened: (dataset: string) => void;
  /** Null before there is a network. */
  links: PeerLinks | null;
}

export type Undo = (step: () => Promise<void> | void) => void;

interface GroundMaking {
  readonly adapters: EngineAdapters;
  readonly observation: Observation;
  readonly stopping: AbortSignal;
  readonly undo: Undo;
}

/** Takes the data folder and opens what is in it. `undo` gets each step that must be taken back. */
export async function openGround(
  options: EngineOptions,
  { adapters, observation, stopping, undo }: GroundMaking,
): Promise<EngineGround> {
  const { system } = adapters;
  const files = await adapters.openFiles(options.dataFolder);
  const lock = await adapters.lockFolder(files, options.name);
  undo(() => lock.release());
  await files.removeLeftovers();
  const { server, fingerprint, transport } = await adapters.openTransport(files);
  const acknowledged = await openAcknowledged(files);
  const ledger = await openPeerLedger(files, system.nowMs());
  const pauses = await openPauses(files);
  undo(async () => {
    await acknowledged.save();
    await ledger.save();
  });
  const supervisor = createSupervisor(system, observation.recorder.observe);
  undo(() => supervisor.stop());
  const signals: GroundSignals = { onMoved: () => undefined, onOpened: () => undefined, links: null };
  const self = { id: server, name: options.name, fingerprint };
  const bootId = await adapters.bootId();
  const making: RunnerMaking = {
    options,
    adapters,
    observation,
    supervisor,
    stopping,
    files,
    self,
    bootId,
    acknowledged,
    signals,
  };
  const runners = new Map<string, DatasetRunner>();
  const groupBox: { group: Group | null } = { group: null };
  const covered = coveredByCarriers(acknowledged, groupBox);
  for (const config of options.datasets) {
    const replica = createToldReplica(adapters.openReplica(replicaOptions(making, config, groupBox)), {
      dataset: config.name,
      observe: making.observation.recorder.observe,
    });
    runners.set(config.name, makeRunner(making, { config, covered, replica }));
  }
  const lookers = new Map([...runners].map(([name, runner]) => [name, createDatasetLooker(runner, system)]));
  const group = makeGroup(making, { runners, lookers, covered, groupBox });
  groupBox.group = group;
  return {
    ...making,
    transport,
    bootNonce: randomHex(system, 16),
    startedAtMs: system.nowMs(),
    ledger,
    pauses,
    runners,
    group,
    lookers,
    openPeers: new Set(),
    joins: { isRunning: false },
  };
}

interface GroupParts {
  readonly runners: ReadonlyMap<string, DatasetRunner>;
  readonly lookers: Map<string, DatasetLooker>;
  readonly covered: CoveredBy;
  readonly groupBox: { readonly group: Group | null };
}

function makeGroup(making: RunnerMaking, { runners, lookers, covered, groupBox }: GroupParts): Group {
  const { adapters, files, self } = making;
  return createGroup({
    self,
    files,
    nowMs: () => adapters.system.nowMs(),
    openServerList: adapters.openServerList,
    createRunner: async (path) => {
      const config = serversConfig(path);
      const replica = await adapters.openListReplica(replicaOptions(making, config, groupBox));
      const runner = makeRunner(making, { config, covered, replica });
      lookers.set(serversDataset, createDatasetLooker(runner, adapters.system));
      return runner;
    },
    foundDatasets: async () => {
      for (const runner of runners.values()) await runner.foundIfFresh();
    },
    forgetWitness: () => createWitnessStore(files, serversDataset).remove(),
  });
}

/** What every member that carries a dataset has acknowledged. */
const coveredByCarriers =
  (acknowledged: Acknowledged, groupBox: GroupBox): CoveredBy =>
  (dataset, own) =>
    acknowledged.coveredBy(carriersOf(groupBox, dataset), dataset, own);

interface GroupBox {
  readonly group: Group | null;
}

const carriersOf = ({ group }: GroupBox, dataset: string): ServerId[] =>
  (group?.peers() ?? [])
    .filter((peer) => dataset === serversDataset || peer.datasets.includes(dataset))
    .map(({ id }) => id);

type CoveredBy = (
  dataset: string,
  own: Parameters<Acknowledged['coveredBy']>[2],
) => ReturnType<Acknowledged['coveredBy']>;

type RunnerMaking = Pick<
  EngineGround,
  'options' | 'adapters' | 'observation' | 'supervisor' | 'stopping' | 'files' | 'self' | 'acknowledged' | 'signals'
> & { readonly bootId: string | null };

function replicaOptions(
  { options, adapters, observation, self, signals }: RunnerMaking,
  dataset: DatasetConfig,
  groupBox: GroupBox,
): ReplicaOptions {
  const freshEpoch = (): Epoch => randomHex(adapters.system, 4) as Epoch;
  return {
    dataset,
    identity: { server: self.id, serverName: self.name, freshEpoch },
    dataFolder: options.dataFolder,
    observe: observation.recorder.observe,
    contentPeers: pacedPeers(
      createContentPeers({
        dataset: dataset.name,
        links: () => signals.links,
        carriers: () => carriersOf(groupBox, dataset.name),
      }),
      dataset,
      adapters.system,
    ),
    databases: options.datasets.flatMap((each) => (each.sqlite === undefined ? [] : [each.sqlite])),
  };
}

const pacedPeers = (peers: ContentPeers, { bytesPerSecondMax }: DatasetConfig, system: System): ContentPeers =>
  bytesPerSecondMax === undefined ? peers : createPacedContentPeers(peers, bytesPerSecondMax, system);

interface RunnerParts {
  readonly config: DatasetConfig;
  readonly replica: Replica;
  readonly covered: CoveredBy;
}

function makeRunner(making: RunnerMaking, { config, replica, covered }: RunnerParts): DatasetRunner {
  const { options, adapters, observation, supervisor, stopping, files, self, bootId, signals } = making;
  const { system } = adapters;
  return createDatasetRunner({
    config,
    replica,
    server: self.id,
    bootId,
    witness: createWitnessStore(files, config.name),
    system,
    observe: observation.recorder.observe,
    supervisor,
    stopping,
    onMoved: (dataset, drained) => signals.onMoved(dataset, drained),
    onOpened: (dataset) => signals.onOpened(dataset),
    covered: async (dataset, own) => {
      await making.acknowledged.save();
      return covered(dataset, own);
    },
    journal: options.journal,
  });
}

export const addressesToAdvertise = (options: EngineOptions, port: number): readonly string[] =>
  options.listen.advertise.length > 0 ? options.listen.advertise : ownAddresses(options.listen.host, port);
