/**
 * Catch-up without a session: the shortest way from one journal into another replica, with the delays and cuts of the
 * network. Faster than sessions, and it tells faults of the replica from faults of the protocol.
 */
import { stampIn } from '../../src/core/version-vector.js';
import type { Fork } from '../../src/databases/replica.js';
import { errorCodeOf } from '../../src/core/sync-error.js';
import { textOfError } from './capture-loop.js';
import type { Random } from './random.js';
import type { SimulatedNetwork } from './simulated-network.js';
import type { RunningReplica } from './virtual-server.js';
import type { VirtualTime } from './virtual-time.js';
import { fail, type FailingWorld } from './world.js';

const pollMs = 3_000;

/** As much of a world as the exchange needs. */
export interface ExchangeWorld extends FailingWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: Pick<SimulatedNetwork, 'isOpen'>;
  readonly plan: { readonly options: { readonly latencyMsMax: number; readonly bytesMax: number } };
  readonly servers: readonly { wake(): void }[];
  readonly bug: { readonly reusesEpoch?: boolean } | null;
}

type Engine = Pick<RunningReplica, 'server' | 'process' | 'replica'>;

export interface ExchangeServer {
  readonly index: number;
  readonly engine: Engine | null;
  readonly wakers: Set<() => void>;
}

/** Pulls from `from` into `to` for as long as both processes live. */
export function startPulling(world: ExchangeWorld, from: ExchangeServer, to: ExchangeServer): void {
  const sender = from.engine;
  const receiver = to.engine;
  if (!sender || !receiver) return;
  const link: Link = { world, sender, receiver, isStopped: () => sender.process.isDead() || receiver.process.isDead() };
  let isBusy = false;
  let isWanted = false;
  const round = (): void => {
    if (link.isStopped()) return;
    if (isBusy) {
      isWanted = true;
      return;
    }
    isBusy = true;
    void once();
  };
  const once = async (): Promise<void> => {
    const gotSomething = await pull(link).catch((error: unknown) => {
      if (!(error instanceof LinkLost) && errorCodeOf(error) !== 'USYNC-1201')
        fail(world, 'ERROR', `from server ${from.index} to ${to.index}: ${textOfError(error)}`);
      return false;
    });
    isBusy = false;
    const isSoon = gotSomething || isWanted;
    isWanted = false;
    if (isSoon) receiver.process.system.after(world.random.between(1, 50), round);
  };
  from.wakers.add(round);
  const poll = (): void => {
    round();
    if (!link.isStopped()) receiver.process.system.after(pollMs, poll);
    else from.wakers.delete(round);
  };
  poll();
}

interface Link {
  readonly world: ExchangeWorld;
  readonly sender: Engine;
  readonly receiver: Engine;
  readonly isStopped: () => boolean;
}

class LinkLost extends Error {}

/** One message on its way; ends the exchange when the link is cut or a process is gone. */
async function travel({ world, sender, receiver, isStopped }: Link): Promise<void> {
  await new Promise<void>((resolve) =>
    world.time.after(world.random.below(world.plan.options.latencyMsMax + 1), resolve),
  );
  if (
    isStopped() ||
    !world.network.isOpen(sender.server, receiver.server) ||
    !world.network.isOpen(receiver.server, sender.server)
  )
    throw new LinkLost();
}

async function pull(link: Link): Promise<boolean> {
  const { world, sender, receiver } = link;
  const here = await receiver.replica.position();
  await travel(link);
  const there = await sender.replica.position();
  if (there.isLanding || there.isFresh) return false;
  if (here.isFresh) return takeSnapshot(link);
  if (stampIn(there.vector, here.origin) > stampIn(here.vector, here.origin)) {
    await travel(link);
    // Looked at again: what the peer knows may be newer than this round's question.
    const now = await receiver.replica.position();
    if (now.origin !== here.origin || stampIn(there.vector, now.origin) <= stampIn(now.vector, now.origin)) return true;
    // Somebody remembers more of this server than it does itself: it went back in time.
    if (world.bug?.reusesEpoch !== true) await receiver.replica.newEpoch('a peer remembers more');
  }
  const read = await sender.replica.readJournal({
    vector: here.vector,
    after: 0,
    bytesMax: world.plan.options.bytesMax,
  });
  await travel(link);
  await healForks(link, read.forks);
  if (read.parts.length > 0) {
    const outcome = await receiver.replica.merge(read.parts);
    await healForks(link, outcome.forks);
    world.servers[receiver.server]?.wake();
    if (outcome.merged > 0 && world.random.chance(0.2)) await receiver.replica.flush();
    if (world.random.chance(0.2)) await receiver.replica.proof();
    // The landing of a snapshot was cut off: it comes before everything else.
    if (outcome.hasGap && (await receiver.replica.position()).isLanding) return takeSnapshot(link);
    return outcome.merged > 0;
  }
  return read.needsSnapshot ? takeSnapshot(link) : false;
}

/** The side with the younger branch gives it a name of its own. */
async function healForks({ world, sender, receiver }: Link, forks: readonly Fork[]): Promise<void> {
  for (const fork of forks)
    for (const [mine, theirs] of [
      [sender, receiver],
      [receiver, sender],
    ] as const) {
      if (world.bug?.reusesEpoch === true) continue;
      await mine.replica.cutBranch(fork.origin, await theirs.replica.history(fork.origin));
    }
}

async function takeSnapshot(link: Link): Promise<boolean> {
  const { world, sender, receiver } = link;
  const reader = await sender.replica.openSnapshot();
  const writer = await receiver.replica.receiveSnapshot(reader.vector).catch(async (error: unknown) => {
    await reader.close();
    throw error;
  });
  try {
    for (;;) {
      const chunk = await reader.next();
      if (!chunk) break;
      await travel(link);
      await writer.add(chunk);
    }
  } catch (error) {
    if (!receiver.process.isDead()) await writer.abort();
    throw error;
  } finally {
    if (!sender.process.isDead()) await reader.close();
  }
  await writer.finish('same-rows');
  world.servers[receiver.server]?.wake();
  return true;
}
