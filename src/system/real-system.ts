import { randomBytes } from 'node:crypto';
import type { System } from './system.js';

/** The clock, random source and timers of the machine. */
export const createRealSystem = (): System => ({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  after: (ms, callback) => {
    // Longer times would wrap around to "at once"; a timer that fires early is asked again by whoever set it.
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), timerMsMax));
    return () => {
      clearTimeout(timer);
    };
  },
  pause: () =>
    new Promise((resolve) => {
      setImmediate(resolve);
    }),
});

const timerMsMax = 2 ** 31 - 1;
