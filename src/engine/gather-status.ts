import type { ListedServer } from '../databases/server-list.js';
import { isOpen } from './decisions.js';
import { decisionKey } from './group.js';
import { emptyLook } from './dataset-look.js';
import type { EngineStatus, ServerStatus } from './engine-status.js';
import { serversDataset } from './engine-limits.js';
import type { EngineNetwork } from './engine-network.js';
import type { EngineGround } from './engine-parts.js';
import { engineStatus } from './status.js';
import type { DatasetInput, PeerInput, StatusFacts } from './status-facts.js';

export interface StatusPlace {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
  readonly phase: StatusFacts['phase'];
  /** How long a dataset that is busy is waited for. */
  readonly patienceMs?: number | undefined;
}

export async function gatherStatus({ ground, network, phase, patienceMs }: StatusPlace): Promise<EngineStatus> {
  const { adapters, observation, group } = ground;
  const datasets = await Promise.all(
    [...runnersOf(ground)].map(([name, runner]) => datasetInput(ground, { name, runner, patienceMs })),
  );
  const peers = group
    .servers()
    .filter(({ id, state }) => id !== ground.self.id && state !== 'removed')
    .map((listed) => peerInput({ ground, network }, listed));
  return engineStatus({
    server: serverStatus({ ground, network }),
    phase,
    inviterName: group.inviter?.name ?? null,
    datasets,
    peers,
    openProblems: observation.problems.read(),
    nowMs: adapters.system.nowMs(),
    monotonicMs: adapters.system.monotonicMs(),
  });
}

/** All datasets, the list of servers first once there is one. */
export function runnersOf({
  group,
  runners,
}: EngineGround): ReadonlyMap<string, NonNullable<EngineGround['group']['runner']>> {
  return group.runner === null ? runners : new Map([[serversDataset, group.runner], ...runners]);
}

type Runner = NonNullable<EngineGround['group']['runner']>;

interface Looked {
  readonly name: string;
  readonly runner: Runner;
  readonly patienceMs: number | undefined;
}

async function datasetInput(ground: EngineGround, { name, runner, patienceMs }: Looked): Promise<DatasetInput> {
  const look = (await ground.lookers.get(name)?.look(patienceMs)) ?? emptyLook;
  return {
    config: runner.config,
    isInternal: name === serversDataset,
    facts: runner.facts,
    look,
    openConflicts: look.conflicts.filter((id) =>
      isOpen(ground.group.decisions().get(decisionKey({ dataset: name, id }))?.kind),
    ).length,
    counters: ground.observation.counters.ofDataset(name),
  };
}

type Place = Pick<StatusPlace, 'ground' | 'network'>;

function peerInput({ ground, network }: Place, listed: ListedServer): PeerInput {
  const link = network.links.get(listed.id);
  const record = ground.ledger.of(listed.id);
  return {
    listed,
    link,
    session: link ? network.freshProofs.statusOf(link.session) : null,
    failure: network.dialer.failureOf(listed.id),
    refusal: record.refusal,
    twinSeenAtMs: network.links.twins().get(listed.id) ?? null,
    isPaused: ground.pauses.isPaused(listed.id),
    sinceMs: record.sinceMs,
    lastContactMs: record.lastContactMs,
    lastAckMs: record.lastAckMs,
    proofByDataset: new Map(Object.entries(record.proofs)),
    ackedByDataset: new Map(listed.datasets.map((dataset) => [dataset, ground.acknowledged.of(listed.id, dataset)])),
  };
}

function serverStatus({ ground, network }: Place): ServerStatus {
  const { self, options, group, startedAtMs } = ground;
  const { address, port } = network.listening;
  return {
    id: self.id,
    name: self.name,
    fingerprint: self.fingerprint,
    version: options.version,
    listen: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    startedAtMs,
    membership: isRemoved(ground) ? 'removed' : membershipWord(group.membership),
  };
}

/** A removed server is cut off before the list could tell it; the refusals of its peers do. */
export const isRemoved = ({ group, ledger, openPeers }: EngineGround): boolean =>
  group.membership === 'removed' ||
  (openPeers.size === 0 && group.peers().some(({ id }) => ledger.of(id).refusal?.code === 'USYNC-1402'));

const membershipWord = (membership: EngineGround['group']['membership']): ServerStatus['membership'] =>
  membership === 'joining' ? 'pending' : membership;
