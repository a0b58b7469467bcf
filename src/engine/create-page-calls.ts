import { errorCatalogue } from '../core/error-catalogue.js';
import { SyncError } from '../core/sync-error.js';
import type { WriteOutcome } from '../databases/replica.js';
import { changesOf } from './changes-of.js';
import type { ServerInfo } from './engine.js';
import type { DatasetRunner } from './dataset-runner.js';
import { pingTimeoutMs, serversDataset } from './engine-limits.js';
import type { EngineNetwork } from './engine-network.js';
import type { EngineGround } from './engine-parts.js';
import type { Invites } from './invites.js';
import type { DatasetTables, PageCalls, PingReport, TargetedWrite } from './page-calls.js';
import { chosenRunners } from './proofs.js';
import { findServer, infoOf, refuseRemoved } from './servers.js';
import { theRunner } from './the-runner.js';

export interface PagePlace {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
  readonly invites: Invites;
}

export function createPageCalls(place: () => PagePlace): PageCalls {
  return {
    tables: (dataset, { patienceMs } = {}) => tablesOf(place().ground, { dataset, patienceMs }),
    changes: (request) => changesOf(place().ground, request),
    applyWrites: (writes) => applyWrites(place().ground, writes),
    ping: (nameOrId) => pingServer(place(), nameOrId),
    async wake() {
      const { ground, network } = place();
      for (const runner of ground.runners.values()) {
        // A database that cannot be read now is told of by its own loop.
        await runner.capture().catch(() => undefined);
        for (const { session } of network.links.all()) session.resume(runner.name);
      }
      network.dialer.wake();
    },
    invites: () => place().invites.list(),
    revokeInvite: (id) => place().invites.revoke(id),
    setAddresses: (nameOrId, addresses) => setAddresses(place(), nameOrId, addresses),
    pause: (nameOrId) => setPause(place(), nameOrId, true),
    resume: (nameOrId) => setPause(place(), nameOrId, false),
    paused() {
      const { isAll, ids } = place().ground.pauses;
      return { isAll, ids };
    },
    isAtWork: () => [...place().ground.runners.values()].some((runner) => runner.isAtWork()),
    counters: () => place().ground.observation.counters.read(),
  };
}

async function tablesOf(
  ground: EngineGround,
  { dataset, patienceMs }: { readonly dataset: string; readonly patienceMs: number | undefined },
): Promise<DatasetTables> {
  const runner = theRunner(ground, dataset);
  const look = await ground.lookers.get(runner.name)?.look(patienceMs);
  if (runner.facts.isOpen && look && look.position !== null && look.tables.length > 0)
    return { tables: look.tables, digests: look.proof?.digest ?? new Map(), unansweredMs: look.unansweredMs };
  // Nothing was ever told that could stand in for it.
  const tables = await runner.replica.tables();
  const { isFresh } = await runner.replica.position();
  return { tables, digests: isFresh ? new Map() : (await runner.replica.proof()).digest, unansweredMs: 0 };
}

/** Database by database, in the order given within each. */
async function applyWrites(ground: EngineGround, writes: readonly TargetedWrite[]): Promise<readonly WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  const indexesByRunner = new Map<DatasetRunner, number[]>();
  const runners = await databasesWithTables(ground);
  for (const [index, { table, dataset }] of writes.entries()) {
    const found = runners.find(
      ({ runner, tables }) => (dataset === undefined || runner.name === dataset) && tables.has(table),
    );
    if (found) indexesByRunner.set(found.runner, [...(indexesByRunner.get(found.runner) ?? []), index]);
    else outcomes[index] = { status: 'rejected', key: null, reason: `no database here has a synced table "${table}"` };
  }
  for (const [runner, indexes] of indexesByRunner) {
    const done = await runner.replica.applyWrites(indexes.flatMap((index) => writes[index] ?? []));
    for (const [at, index] of indexes.entries()) {
      const outcome = done[at];
      if (outcome) outcomes[index] = outcome;
    }
    // What it wrote is on its way now, not at the next look.
    ground.signals.onMoved(runner.name, null);
    runner.wake();
  }
  return outcomes;
}

async function databasesWithTables(
  ground: EngineGround,
): Promise<readonly { readonly runner: DatasetRunner; readonly tables: ReadonlySet<string> }[]> {
  const found = [];
  for (const runner of chosenRunners(ground)) {
    if (runner.config.sqlite === undefined || !runner.facts.isOpen) continue;
    const tables = await runner.replica.tables();
    found.push({
      runner,
      tables: new Set(tables.filter(({ isSynced }) => isSynced).map(({ name }) => name)),
    });
  }
  return found;
}

async function pingServer({ ground, network }: PagePlace, nameOrId: string): Promise<PingReport> {
  const { id, name } = findServer(ground, nameOrId);
  const { system } = ground.adapters;
  const atMs = system.nowMs();
  const failed = (reason: string, nextStep: string): PingReport => ({
    ...{ isAnswered: false, roundTripMs: null, atMs, reason, nextStep },
  });
  if (id === ground.self.id) return { isAnswered: true, roundTripMs: 0, atMs, reason: null, nextStep: null };
  const session = network.links.get(id)?.session;
  if (session?.status().stage !== 'open') {
    network.dialer.wake();
    const failure = network.dialer.failureOf(id);
    return failed(
      failure?.reason ?? `${name} is not connected.`,
      failure?.nextStep ?? 'It is being dialled now; ask again in a moment.',
    );
  }
  const sinceMs = system.monotonicMs();
  const answer = await Promise.race([
    session.ask(serversDataset, { kind: 'digest' }),
    new Promise<null>((resolve) => system.after(pingTimeoutMs, () => resolve(null))),
  ]);
  if (answer?.kind !== 'digest') {
    const why = answer?.kind === 'failed' ? `: ${answer.text}` : ` within ${pingTimeoutMs / 1_000} s`;
    return failed(`${name} did not answer${why}.`, errorCatalogue['USYNC-1501'].nextStep);
  }
  return {
    isAnswered: true,
    roundTripMs: Math.round(system.monotonicMs() - sinceMs),
    atMs: system.nowMs(),
    reason: null,
    nextStep: null,
  };
}

function setAddresses({ ground }: PagePlace, nameOrId: string, addresses: readonly string[]): ServerInfo {
  refuseRemoved(ground);
  const server = findServer(ground, nameOrId);
  if (server.id === ground.self.id)
    throw new SyncError('USYNC-1103', 'The addresses of this server are in its own configuration.', {
      nextStep: 'Set "listen.advertise" in it.',
    });
  ground.group.change(server.id, { addresses });
  return infoOf(ground, findServer(ground, server.id));
}

async function setPause({ ground, network }: PagePlace, nameOrId: string | null, isPausing: boolean): Promise<void> {
  const server = nameOrId === null ? null : findServer(ground, nameOrId);
  if (server?.id === ground.self.id)
    throw new SyncError('USYNC-1103', 'A server does not pause itself.', {
      nextStep: 'Pause all others: set sync_enabled to false.',
    });
  await (isPausing ? ground.pauses.pause(server?.id ?? null) : ground.pauses.resume(server?.id ?? null));
  network.follow();
  if (!isPausing) network.dialer.wake();
}
