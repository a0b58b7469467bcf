import type { System } from './system.js';

/** Resolves after the time, or at once when `signal` aborts; never rejects, so that loops look at the signal themselves. */
export function sleep(system: System, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = system.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
