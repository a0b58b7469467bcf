import { errorCodeOf } from '../core/sync-error.js';
import type { Engine } from '../engine/engine.js';
import type { CommandContext } from './command-context.js';

export interface WaitTools {
  /** Aborts when this start is not wanted any more. */
  readonly stopped: AbortSignal;
  /** What the engine that holds the data folder does now. */
  readonly holder: () => Promise<Holder>;
  readonly say: (line: string) => void;
}

export type Holder = 'runs' | 'is stopping' | 'does not answer';

/**
 * Starts an engine. Where one that is stopping still holds the data folder, as in a restart, its end is waited for; one
 * that works on is refused with `USYNC-1206`, after the moment that lies between a signal and the beginning of the stop.
 */
export async function startWhenFree(create: () => Engine, tools: WaitTools): Promise<Engine> {
  const { everyMs, stoppingMs, runningMs } = times;
  let waitedMs = 0;
  let isSaid = false;
  for (;;) {
    const engine = create();
    try {
      await engine.start();
      return engine;
    } catch (error) {
      const isFolderHeld = errorCodeOf(error) === 'USYNC-1206' && !isOfDataset(error);
      if (!isFolderHeld || tools.stopped.aborted) throw error;
      const holder = await tools.holder();
      if (waitedMs >= (holder === 'runs' ? runningMs : stoppingMs)) throw error;
      if (holder !== 'runs' && !isSaid) {
        tools.say(
          `An engine that ${holder} holds the data folder; waiting ${stoppingMs / 1_000} s for its end at most.`,
        );
        isSaid = true;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    waitedMs += everyMs;
  }
}

/** How often it is looked, and the bounds. */
const times = { everyMs: 250, stoppingMs: 15_000, runningMs: 1_000 } as const;

const answerMs = 2_000;

const isOfDataset = (error: unknown): boolean =>
  error instanceof Error && 'facts' in error && Object.hasOwn(error.facts as object, 'dataset');

/** An engine whose socket is closed already is on the last steps of its end, or on the first of its start. */
export async function stateOfHolder(context: CommandContext): Promise<Holder> {
  try {
    const client = await context.connect();
    try {
      const signal = AbortSignal.timeout(answerMs);
      return (await client.call('status', {}, { signal })).state === 'stopping' ? 'is stopping' : 'runs';
    } finally {
      client.close();
    }
  } catch {
    return 'does not answer';
  }
}
