import type { ServerId } from './origin.js';

/** A server as the group knows it, for one dataset. */
export interface HeirCandidate {
  readonly id: ServerId;
  readonly isMember: boolean;
  /** Who removed it; null for one that was not. */
  readonly removedBy: ServerId | null;
  /** Whether it has the dataset: who has it not sees nothing that must be confirmed. */
  readonly isCarrier: boolean;
}

/** Per removed server the member that confirms in its place (rule R8). */
export type Heirs = ReadonlyMap<ServerId, ServerId>;

/**
 * The heir is who removed the server, or that one's heir. Where that leads to no member with the dataset, since two
 * servers removed each other or the remover does not have it, it is the member with the smallest id that has it. So all
 * who know the same list settle it alike; and while they do not, weak stamps let two heirs do no harm.
 */
export function heirsOf(servers: readonly HeirCandidate[]): Heirs {
  const byId = new Map(servers.map((server) => [server.id, server]));
  const smallest = servers
    .filter(canInherit)
    .map(({ id }) => id)
    .toSorted()[0];
  const heirs = new Map<ServerId, ServerId>();
  for (const { id, removedBy } of servers) {
    const heir = removedBy === null ? undefined : (follow(byId, id) ?? smallest);
    if (heir !== undefined) heirs.set(id, heir);
  }
  return heirs;
}

const canInherit = ({ isMember, isCarrier }: HeirCandidate): boolean => isMember && isCarrier;

function follow(byId: ReadonlyMap<ServerId, HeirCandidate>, gone: ServerId): ServerId | null {
  const passed = new Set<ServerId>();
  for (
    let at = byId.get(gone);
    at && !passed.has(at.id);
    at = at.removedBy === null ? undefined : byId.get(at.removedBy)
  ) {
    if (canInherit(at)) return at.id;
    passed.add(at.id);
  }
  return null;
}
