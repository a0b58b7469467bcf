import { errorCodeOf } from '../core/sync-error.js';
import type { EventDetail } from '../observe/event.js';
import type { LocalListening } from '../system/local-socket.js';
import { aboutDataset } from './about-dataset.js';
import { listenControl } from './control-server.js';
import { startFailures, type DatasetRunner } from './dataset-runner.js';
import { superviseDecisions } from './decide.js';
import { superviseOwnRow } from './own-row.js';
import type { Engine, EngineAdapters, EngineOptions } from './engine.js';
import { openNetwork, type EngineNetwork } from './engine-network.js';
import { openGround, type EngineGround, type Observation } from './engine-parts.js';
import { openInvites, type Invites } from './invites.js';

/** A whole engine at work. */
export interface Running {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
  readonly invites: Invites;
  readonly control: LocalListening;
  readonly undoAll: () => Promise<void>;
}

export interface Starting {
  readonly options: EngineOptions;
  readonly adapters: EngineAdapters;
  readonly observation: Observation;
  /** Aborts when the engine is to stop. */
  readonly stopping: AbortSignal;
  readonly engine: Engine;
  readonly whenStarted: Promise<void>;
  readonly onStop: (reason: string) => void;
}

/** Opens everything in order. What fails takes back what was done by then. */
export async function startAll(starting: Starting): Promise<Running> {
  const steps: (() => Promise<void> | void)[] = [];
  const undoAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await failureOf(step, failures);
    if (failures.length > 0) throw failures[0];
  };
  try {
    return { ...(await build(starting, (step) => steps.push(step))), undoAll };
  } catch (error) {
    // What fails on the way back matters less than why the engine could not start.
    await undoAll().catch(() => undefined);
    throw error;
  }
}

/** A step back that fails keeps no other from being taken: locks and databases are let go in any case. */
async function failureOf(step: () => Promise<void> | void, failures: unknown[]): Promise<void> {
  try {
    await step();
  } catch (error) {
    failures.push(error);
  }
}

async function build(
  { options, adapters, observation, stopping, engine, whenStarted, onStop }: Starting,
  undo: (step: () => Promise<void> | void) => void,
): Promise<Omit<Running, 'undoAll'>> {
  const ground = await openGround(options, { adapters, observation, stopping, undo });
  for (const runner of ground.runners.values()) undo(() => runner.stop());
  undo(() => ground.group.close());
  await refuseBeforeAll(ground);
  const runners = [...ground.runners.values()].map((runner) => startRunner(runner));
  await allOrFirstFailure([...runners, ground.group.open()]);
  const { system } = adapters;
  const invites = await openInvites({ files: ground.files, system, fingerprint: ground.self.fingerprint });
  const network = await openNetwork({ ground, invites, undo });
  const datasets = options.datasets.map(({ name }) => name);
  await ground.group.takeSelf({ name: options.name, addresses: network.addresses, datasets });
  const control = await listenControl({ dataFolder: options.dataFolder, engine, whenStarted, onStop });
  undo(() => control.close());
  network.follow();
  superviseDecisions(ground);
  superviseOwnRow(ground);
  const started: EventDetail = {
    kind: 'engine-started',
    server: options.name,
    version: options.version,
    listen: `${network.listening.address}:${network.listening.port}`,
  };
  observation.recorder.observe('info', started);
  return { ground, network, invites, control };
}

/** What can be known before the first database is touched: nothing is put anywhere by a start that must fail. */
async function refuseBeforeAll({ options, adapters, transport }: EngineGround): Promise<void> {
  for (const dataset of options.datasets)
    try {
      adapters.refuseUnusable(dataset);
    } catch (error) {
      if (startFailures.includes(errorCodeOf(error))) throw aboutDataset(dataset.name, error);
    }
  const { host, port } = options.listen;
  if (port === 0) return;
  const tried = await transport.listen({ host, port, isTrusted: () => false, onChannel: () => undefined });
  await tried.close();
}

async function startRunner(runner: DatasetRunner): Promise<void> {
  try {
    await runner.start();
  } catch (error) {
    throw aboutDataset(runner.name, error);
  }
}

/** Rejects with the first failure in the order given, but not before all have come to their end. */
async function allOrFirstFailure(work: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}
