import { errorCatalogue } from '../core/error-catalogue.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import type { Observe } from '../observe/event.js';
import { randomFraction } from '../system/random.js';
import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';

/**
 * Runs the loops of an engine. A loop that throws, or returns although nobody asked it to end, is reported with its
 * count, cause and next step and started again with back-off; it counts as working only after it said `alive`.
 */
export interface Supervisor {
  /** Starts a loop. The names of loops are for people: `drain shop`. Throws `USYNC-1002` after `stop`: nobody would end it. */
  supervise(name: string, loop: Loop): SupervisedLoop;
  /** Ends all loops, the last one first. Never rejects. */
  stop(): Promise<void>;
}

/** `alive` says that one round of work was done; it ends the back-off. Must come to an end soon after `signal` aborts. */
export type Loop = (signal: AbortSignal, alive: () => void) => Promise<void>;

export interface SupervisedLoop {
  readonly name: string;
  /** Failures since it last was alive. */
  readonly failures: number;
  /** Ends this loop; resolves when it has ended. */
  stop(): Promise<void>;
}

const firstRetryMs = 250;
const retryMsMax = 30_000;

export function createSupervisor(system: System, observe: Observe): Supervisor {
  const running: SupervisedLoop[] = [];
  let isStopped = false;
  return {
    supervise(name, loop) {
      if (isStopped) throw new SyncError('USYNC-1002', `"${name}" does not begin: the server is stopping.`);
      const supervised = startLoop({ name, loop, system, observe });
      const entry: SupervisedLoop = {
        name,
        get failures() {
          return supervised.failures();
        },
        stop: async () => {
          await supervised.stop();
          const index = running.indexOf(entry);
          if (index >= 0) running.splice(index, 1);
        },
      };
      running.push(entry);
      return entry;
    },
    async stop() {
      isStopped = true;
      for (let last = running.at(-1); last !== undefined; last = running.at(-1)) await last.stop();
    },
  };
}

interface LoopStart {
  readonly name: string;
  readonly loop: Loop;
  readonly system: System;
  readonly observe: Observe;
}

function startLoop({ name, loop, system, observe }: LoopStart) {
  const controller = new AbortController();
  const { signal } = controller;
  let failures = 0;
  const alive = (): void => {
    if (failures === 0) return;
    observe('info', { kind: 'loop-recovered', loop: name, afterCount: failures });
    failures = 0;
  };
  const ended = (async () => {
    while (!signal.aborted) {
      const error = await failureOf(loop, signal, alive);
      if (signal.aborted) return;
      failures += 1;
      const retryInMs = retryDelayMs(failures, randomFraction(system));
      observe('error', {
        kind: 'loop-failed',
        loop: name,
        code: errorCodeOf(error),
        message: sentence(errorMessageOf(error)),
        nextStep: error instanceof SyncError ? error.nextStep : errorCatalogue['USYNC-1000'].nextStep,
        count: failures,
        retryInMs,
      });
      await sleep(system, retryInMs, signal);
    }
  })();
  return {
    failures: () => failures,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

async function failureOf(loop: Loop, signal: AbortSignal, alive: () => void): Promise<unknown> {
  try {
    await loop(signal, alive);
    return new SyncError('USYNC-1001', 'It ended although nobody asked it to.');
  } catch (error) {
    return error;
  }
}

/** Doubles up to the bound; the upper half is random, so that many loops do not fail in step. */
function retryDelayMs(failures: number, random: number): number {
  const ceiling = Math.min(retryMsMax, firstRetryMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
