import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';

/** Lets a loop sleep until there may be work. A wake between two waits is not lost. */
export interface Wakeup {
  readonly wake: () => void;
  /** Resolves at the next wake, after the time, or when `signal` aborts. One waiter at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWakeup(system: System): Wakeup {
  let woken = new AbortController();
  return {
    wake: () => woken.abort(),
    async wait(ms, signal) {
      if (!woken.signal.aborted && !signal.aborted) {
        const current = woken;
        const forward = (): void => current.abort();
        signal.addEventListener('abort', forward, { once: true });
        await sleep(system, ms, current.signal);
        signal.removeEventListener('abort', forward);
      }
      woken = new AbortController();
    },
  };
}
