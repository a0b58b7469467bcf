/** The part of an engine that drains: after a hint that comes late, and now and then by itself. */
import { errorCodeOf } from '../../src/core/sync-error.js';
import type { RunningReplica, VirtualServer } from './virtual-server.js';
import { fail, type World } from './world.js';

const pollMs = 3_000;

/** Called when the application has committed. */
export function hintDrain(world: World, server: VirtualServer): void {
  const engine = server.engine;
  if (engine)
    engine.process.system.after(
      world.random.below(world.plan.options.drainDelayMsMax + 1),
      () => void drainOnce(world, server, engine),
    );
}

export function startCapture(world: World, server: VirtualServer, engine: RunningReplica): void {
  const again = (): void => {
    engine.process.system.after(pollMs, () => {
      void drainOnce(world, server, engine).then(again);
    });
  };
  void drainOnce(world, server, engine).then(again);
}

async function drainOnce(world: World, server: VirtualServer, engine: RunningReplica): Promise<void> {
  try {
    if (server.isJoining && (await engine.replica.position()).isFresh) return;
    for (let round = 0; ; round++) {
      const { hasMore } = await engine.replica.drain();
      if (!hasMore) break;
      if (round > 1_000) return fail(world, 'ENDLESS', `server ${server.index} drains for ever`);
    }
    if (world.random.chance(0.3)) await engine.replica.proof();
    server.wake();
  } catch (error) {
    if (errorCodeOf(error) !== 'USYNC-1201')
      fail(world, 'ERROR', `drain at server ${server.index}: ${textOfError(error)}`);
  }
}

export function textOfError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` / ${error.cause.stack ?? error.cause.message}` : '';
  return `${errorCodeOf(error)} ${error.stack ?? error.message}${cause}`;
}
