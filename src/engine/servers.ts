/** The list of servers for people: who is in, who waits, who is out. */
import type { ServerId } from '../core/origin.js';
import { SyncError } from '../core/sync-error.js';
import type { ListedServer } from '../databases/server-list.js';
import { tellWork } from './dataset-work.js';
import type { Invite, InviteOptions, ServerInfo } from './engine.js';
import type { EngineNetwork } from './engine-network.js';
import type { EngineGround } from './engine-parts.js';
import { isRemoved } from './gather-status.js';
import type { Invites } from './invites.js';

/** The name of a server that is or was listed, or its id. */
export const nameOfServer = ({ group, self }: EngineGround, id: ServerId): string =>
  id === self.id ? self.name : (group.servers().find((each) => each.id === id)?.name ?? id);

/** Removed ones last, else by name. Alone, a server lists itself. */
export function serverInfos(ground: EngineGround): readonly ServerInfo[] {
  return serversWithSelf(ground)
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
    .map((server) => infoOf(ground, server));
}

function serversWithSelf(ground: EngineGround): readonly ListedServer[] {
  const listed = ground.group.servers();
  return listed.some(({ id }) => id === ground.self.id) ? listed : [ownServer(ground), ...listed];
}

const rank = ({ state }: ListedServer): number => (state === 'removed' ? 1 : 0);

function ownServer({ self, options, startedAtMs, group }: EngineGround): ListedServer {
  return {
    id: self.id,
    name: self.name,
    fingerprint: self.fingerprint,
    addresses: options.listen.advertise,
    datasets: options.datasets.map(({ name }) => name),
    state: group.membership === 'joining' ? 'pending' : 'member',
    addedBy: self.id,
    addedAtMs: startedAtMs,
    removedBy: null,
    removedAtMs: null,
  };
}

export function infoOf(ground: EngineGround, server: ListedServer): ServerInfo {
  const { self, group, ledger, openPeers, adapters } = ground;
  const { id, name, fingerprint, addresses, datasets, addedAtMs, removedAtMs } = server;
  const nameOf = (who: ServerId): string => group.servers().find((each) => each.id === who)?.name ?? who;
  const isSelf = id === self.id;
  // The own list of a removed server does not tell it: it was cut off before.
  const state = isSelf && isRemoved(ground) ? 'removed' : server.state;
  const isConnected = isSelf || openPeers.has(id);
  return {
    ...{ id, name, fingerprint, addresses, datasets, state, isSelf, addedAtMs, removedAtMs, isConnected },
    addedBy: nameOf(server.addedBy),
    removedBy: server.removedBy === null ? null : nameOf(server.removedBy),
    lastSeenMs: isConnected ? adapters.system.nowMs() : ledger.of(id).lastContactMs,
  };
}

export interface Inviting {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
  readonly invites: Invites;
}

/** The first invite founds the group: its data begins with the rows that are here. */
export async function inviteServer({ ground, network, invites }: Inviting, options: InviteOptions): Promise<Invite> {
  const { group, self } = ground;
  refuseRemoved(ground);
  if (group.membership !== 'alone' && group.membership !== 'member')
    throw new SyncError('USYNC-1405', 'Only a member of a group can invite, and this server waits to be let in.', {
      nextStep:
        'Run "usync servers approve NAME" on a member. If no member is left: stop this server, run "usync init --new-identity", start it; its rows stay.',
    });
  const isFirst = group.membership === 'alone';
  const end = isFirst && options.onProgress ? tellWork(ground, network, options.onProgress) : () => undefined;
  try {
    await group.found();
  } finally {
    end();
  }
  network.follow();
  return invites.create(options, { addresses: network.addresses, fingerprint: self.fingerprint });
}

export function approveServer(ground: EngineGround, nameOrId: string): ServerInfo {
  refuseRemoved(ground);
  const server = findServer(ground, nameOrId);
  if (server.state === 'removed')
    throw new SyncError('USYNC-1402', `${server.name} was removed.`, {
      nextStep: 'Make a new code with "usync invite" and join with it there.',
    });
  if (server.state === 'pending') ground.group.change(server.id, { state: 'member' });
  return infoOf(ground, findServer(ground, server.id));
}

export function removeServer(ground: EngineGround, nameOrId: string): ServerInfo {
  const { self, adapters, group, acknowledged } = ground;
  refuseRemoved(ground);
  const server = findServer(ground, nameOrId);
  if (server.id === self.id)
    throw new SyncError('USYNC-1103', 'A server does not remove itself.', {
      nextStep: 'Run the command on another member of the group.',
    });
  if (server.state === 'removed') return infoOf(ground, server);
  group.change(server.id, { state: 'removed', removedBy: self.id, removedAtMs: adapters.system.nowMs() });
  acknowledged.forget(server.id);
  return infoOf(ground, findServer(ground, server.id));
}

/** A removed server has no say: what it changed in its own copy of the list would only divide it from the group. */
export function refuseRemoved(ground: EngineGround): void {
  if (isRemoved(ground)) throw new SyncError('USYNC-1402', 'This server was removed from the group itself.');
}

/** By name, by id, or by the beginning of an id. Throws `USYNC-1407` when none or more than one fits. */
export function findServer(ground: EngineGround, nameOrId: string): ListedServer {
  const servers = serversWithSelf(ground);
  const exact = servers.filter(({ id, name }) => id === nameOrId || name === nameOrId);
  const living = exact.length > 1 ? exact.filter(({ state }) => state !== 'removed') : exact;
  const found = living.length > 0 ? living : servers.filter(({ id }) => id.startsWith(nameOrId.toLowerCase()));
  const [server] = found;
  if (server === undefined) throw new SyncError('USYNC-1407', `No server is called "${nameOrId}".`);
  if (found.length === 1) return server;
  throw new SyncError(
    'USYNC-1407',
    `"${nameOrId}" fits ${found.length} servers: ${found.map(({ id }) => id).join(', ')}.`,
    {
      nextStep: 'Use the id.',
    },
  );
}
