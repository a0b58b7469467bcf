/** What people ask for proof: waiting for it, verifying with peers, auditing the own content. */
import { SyncError } from '../core/sync-error.js';
import type { VersionVector } from '../core/version-vector.js';
import { sleep } from '../system/sleep.js';
import type {
  AuditOptions,
  DatasetAudit,
  VerifyComparison,
  VerifyOptions,
  VerifyReport,
  WaitOptions,
} from './engine.js';
import { serversDataset, statusPollMs, verifyRowsMax, verifyWaitMs } from './engine-limits.js';
import type { EngineNetwork } from './engine-network.js';
import type { EngineGround } from './engine-parts.js';
import { runnersOf } from './gather-status.js';
import { isProvenNow } from './peer-status.js';
import { compareWithPeer, lookIfEqual } from './verifier.js';
import type { DatasetRunner } from './dataset-runner.js';
import type { TableReport } from '../databases/replica.js';
import type { ListedServer } from '../databases/server-list.js';

interface Place {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
}

/** Captures what is committed now; then every member must prove that it has it. */
export async function waitUntilProven(place: Place, { timeoutMs, signal }: WaitOptions): Promise<void> {
  const { ground } = place;
  const { system } = ground.adapters;
  const sinceMs = system.nowMs();
  const untilMs = system.monotonicMs() + timeoutMs;
  const vectors = new Map<string, VersionVector>();
  for (const [name, runner] of runnersOf(ground)) {
    await runner.capture();
    if (runner.facts.isOpen) vectors.set(name, (await runner.replica.position()).vector);
  }
  while (!isProven(place, vectors) || !(await isPlaced(ground))) {
    if (signal?.aborted || system.monotonicMs() >= untilMs) return;
    await sleep(system, Math.min(statusPollMs, Math.max(1, untilMs - system.monotonicMs())), signal);
  }
  await proveAgain(place, { sinceMs, signal });
}

interface Since {
  /** Wall clock. */
  readonly sinceMs: number;
  readonly signal: AbortSignal | undefined;
}

/** At rest sessions prove again only now and then: who waits gets a proof that was made since. */
async function proveAgain({ ground, network }: Place, { sinceMs, signal }: Since): Promise<void> {
  const { system } = ground.adapters;
  const works: Promise<void>[] = [];
  for (const { name, replica } of ground.runners.values())
    for (const { id } of carriersOf(ground, name)) {
      const session = network.links.get(id)?.session;
      const proof =
        session && network.freshProofs.statusOf(session).datasets.find((each) => each.dataset === name)?.proof;
      if (!session || !proof || proof.atMs >= sinceMs) continue;
      const atMs = system.nowMs();
      const noted = async (): Promise<void> => {
        const equal = await lookIfEqual({ dataset: name, replica, session });
        if (equal !== null) network.freshProofs.note(session, name, { ...equal, atMs });
      };
      // Without an answer the proof stays as old as it says.
      works.push(noted().catch(() => undefined));
    }
  const over = new AbortController();
  const patience = sleep(system, verifyWaitMs, signal ? AbortSignal.any([signal, over.signal]) : over.signal);
  await Promise.race([Promise.all(works), patience]);
  over.abort();
}

function isProven({ ground, network }: Place, vectors: ReadonlyMap<string, VersionVector>): boolean {
  const peers = ground.group.peers();
  if (ground.group.membership !== 'member' || peers.length === 0) return false;
  return [...runnersOf(ground).keys()].every((dataset) => {
    const carriers = peers.filter((peer) => isCarrier(peer, dataset));
    return carriers.every(({ id }) => {
      const session = network.links.get(id)?.session.status();
      const found = session?.datasets.find((each) => each.dataset === dataset) ?? null;
      if (session?.stage !== 'open' || !isProvenNow(found, vectors.get(dataset) ?? null)) return false;
      return ground.runners.get(dataset)?.replica.folder === undefined || found?.peerHeld === 0;
    });
  });
}

/** Every folder's disk is as its table says. */
async function isPlaced(ground: EngineGround): Promise<boolean> {
  for (const { replica, facts } of ground.runners.values())
    if (facts.isOpen && ((await replica.folder?.status())?.pending ?? 0) > 0) return false;
  return true;
}

const isCarrier = (peer: ListedServer, dataset: string): boolean =>
  dataset === serversDataset || peer.datasets.includes(dataset);

export async function verifyWithPeers(place: Place, options: VerifyOptions): Promise<VerifyReport> {
  const { ground } = place;
  const { system } = ground.adapters;
  const sinceMs = system.monotonicMs();
  const runners = chosenRunners(ground, options.dataset);
  for (const runner of runners) await runner.capture();
  const total = runners.reduce((sum, { name }) => sum + carriersOf(ground, name).length, 0);
  let done = 0;
  options.onProgress?.({ text: 'Comparing with every server.', done, total, unit: 'comparisons' });
  const onCompared = ({ dataset, peer }: VerifyComparison): void => {
    done += 1;
    options.onProgress?.({ text: `${dataset} was compared with ${peer}.`, done, total, unit: 'comparisons' });
  };
  const comparisons = (
    await Promise.all(runners.map((runner) => verifyDataset(place, runner, { ...options, onCompared })))
  ).flat();
  return {
    isEqual: comparisons.length > 0 && comparisons.every(({ result }) => result === 'equal'),
    onlyHere: runners.flatMap(({ name }) => (carriersOf(ground, name).length === 0 ? [name] : [])),
    atMs: system.nowMs(),
    tookMs: Math.round(system.monotonicMs() - sinceMs),
    comparisons,
  };
}

async function verifyDataset(
  { ground, network }: Place,
  runner: DatasetRunner,
  { rowsMax = verifyRowsMax, signal, onCompared }: Comparing,
): Promise<VerifyComparison[]> {
  const comparisons: VerifyComparison[] = [];
  for (const peer of carriersOf(ground, runner.name)) {
    const session = network.links.get(peer.id)?.session;
    const compared =
      session === undefined
        ? notConnected(runner.name, peer)
        : await compareWithPeer({
            dataset: runner.name,
            peer: peer.name,
            replica: runner.replica,
            session,
            system: ground.adapters.system,
            rowsMax,
            signal,
          });
    comparisons.push(compared);
    onCompared(compared);
  }
  return comparisons;
}

interface Comparing extends VerifyOptions {
  readonly onCompared: (comparison: VerifyComparison) => void;
}

const carriersOf = ({ group }: EngineGround, dataset: string): readonly ListedServer[] =>
  group.peers().filter((peer) => isCarrier(peer, dataset));

const notConnected = (dataset: string, peer: ListedServer): VerifyComparison => ({
  dataset,
  peer: peer.name,
  result: 'unreachable',
  rows: 0,
  tables: [],
  notCompared: [],
  reason: `${peer.name} is not connected.`,
  nextStep: 'Run "usync status": it says why.',
});

/** One dataset or all; USYNC-1103 for a name that is not there. */
export function chosenRunners({ runners }: EngineGround, dataset?: string): readonly DatasetRunner[] {
  if (dataset === undefined) return [...runners.values()];
  const runner = runners.get(dataset);
  if (runner) return [runner];
  throw new SyncError('USYNC-1103', `There is no dataset "${dataset}" here.`, {
    nextStep: `Known are: ${[...runners.keys()].join(', ')}.`,
  });
}

/** Table by table, so that a person sees how far it is and can end it. */
export async function auditDatasets(
  ground: EngineGround,
  { dataset, table, onProgress, signal }: AuditOptions,
): Promise<readonly DatasetAudit[]> {
  const chosen: { readonly runner: DatasetRunner; readonly tables: readonly TableReport[] }[] = [];
  for (const runner of chosenRunners(ground, dataset)) {
    const tables = runner.facts.isOpen ? await runner.replica.tables() : [];
    chosen.push({
      runner,
      tables: tables.filter(({ isSynced, name }) => isSynced && (table === undefined || name === table)),
    });
  }
  const total = chosen.reduce((sum, { tables }) => sum + tables.reduce((rows, each) => rows + each.rows, 0), 0);
  let done = 0;
  const audits: DatasetAudit[] = [];
  for (const { runner, tables } of chosen) {
    if (signal?.aborted) break;
    const isByTable = runner.config.sqlite !== undefined && table === undefined && tables.length > 0;
    const audited = await runner.audit(isByTable ? tables.map(({ name }) => name) : table, {
      ...(signal && { signal }),
      onTable: (name, rows) => {
        done = Math.min(total, done + rows);
        onProgress?.({ text: `${runner.name}: ${name} was read.`, done, total, unit: 'rows' });
      },
    });
    audits.push({ dataset: runner.name, ...audited });
  }
  return audits;
}
