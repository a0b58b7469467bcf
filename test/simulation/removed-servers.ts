/** A server that is removed while the run goes on: who hears of it takes nothing from it any more (decision 0005). */
import { heirsOf, type Heirs } from '../../src/core/heirs.js';
import type { Plan, Step } from './plan.js';
import type { Random } from './random.js';
import { shownTables } from './shown-tables.js';
import { serverIdOf } from './server-id.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';
import { tokensIn } from './written-value.js';

/** It goes on writing, and those who have not heard go on talking to it. With two servers a third one comes first. */
export function withRemovals(plan: Plan, random: Random): Plan {
  if (plan.steps.some(({ kind }) => kind === 'clone')) return plan;
  const large = plan.options.servers > 2 ? plan : withThird(plan, random);
  const { servers, links, writingMs } = large.options;
  const all = Array.from({ length: servers }, (_, server) => server);
  const removed = random.pick(all);
  const rest = all.filter((server) => server !== removed);
  if (!isConnected(rest, links)) return large;
  const by = random.pick(rest);
  const atMs = Math.floor(writingMs * (0.2 + random.below(60) / 100));
  const hears = rest
    .filter((server) => server !== by)
    .map((server): Step => ({ atMs: random.between(atMs, writingMs), kind: 'hear', server, removed }));
  const steps: Step[] = [...large.steps, { atMs, kind: 'remove', server: removed, by }, ...hears];
  return { ...large, steps: steps.toSorted((a, b) => a.atMs - b.atMs) };
}

function withThird(plan: Plan, random: Random): Plan {
  const { options } = plan;
  const server = options.servers;
  const writes = Array.from({ length: random.between(1, 4) }, (): Step => ({
    atMs: random.below(options.writingMs),
    kind: 'write',
    server,
    seed: random.next(),
    statements: random.between(1, 4),
    rollsBack: false,
  }));
  const links = [...options.links, [0, server] as const, [1, server] as const];
  return { ...plan, options: { ...options, servers: server + 1, links }, steps: [...plan.steps, ...writes] };
}

function isConnected(servers: readonly number[], links: Plan['options']['links']): boolean {
  const reached = new Set(servers.slice(0, 1));
  for (let pass = 0; pass < servers.length; pass++)
    for (const [a, b] of links)
      if (servers.includes(a) && servers.includes(b) && (reached.has(a) || reached.has(b))) reached.add(a).add(b);
  return reached.size === servers.length;
}

/** Who confirms for whom, as this server sees it. */
export const heirsFor = ({ servers }: World, { removals }: VirtualServer): Heirs =>
  heirsOf(
    servers.map(({ index }) => {
      const by = removals.get(index);
      const removedBy = by === undefined ? null : serverIdOf(by);
      return { id: serverIdOf(index), isMember: by === undefined, removedBy, isCarrier: true };
    }),
  );

/** The server closes its door. What it has of the removed one by now counts for all. */
export async function hearOfRemoval(world: World, server: VirtualServer, removed: number, by: number): Promise<void> {
  if (server.index === removed || server.removals.has(removed)) return;
  server.removals.set(removed, by);
  if (world.bug?.keepsDoorOpen !== true) world.network.wall(server.index, removed);
  for (const { rows } of shownTables(world, server))
    for (const row of rows) for (const token of row.flatMap(tokensIn)) world.vouched.add(token);
  if (server.engine?.isOpen === true) await server.engine.replica.setHeirs(heirsFor(world, server));
}

/** Who removed which server, as the steps say so far. */
export const removalsIn = ({ plan, time }: World): ReadonlyMap<number, number> =>
  new Map(
    plan.steps.flatMap((step) => (step.kind === 'remove' && step.atMs <= time.nowMs() ? [[step.server, step.by]] : [])),
  );

/** Those that stay: what a removed server has for itself is its own. */
export const membersOf = (world: World): VirtualServer[] =>
  world.servers.filter(({ index }) => !removalsIn(world).has(index));
