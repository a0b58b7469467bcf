import type { System } from '../../src/system/system.js';

/** A clock that stands still until `run` lets it go on. Timers of one moment ring in the order in which they were set. */
export interface VirtualSystem extends System {
  /** Lets time pass, and after each timer every promise that can go on. Stops early when `isDone` holds. */
  run(ms: number, isDone?: () => boolean): Promise<void>;
}

export function createVirtualSystem(seed = 1): VirtualSystem {
  let timeMs = 0;
  let order = 0;
  let random = seed >>> 0;
  let timers: { atMs: number; order: number; callback: () => void }[] = [];
  return {
    nowMs: () => Date.UTC(2026, 0, 1) + timeMs,
    monotonicMs: () => timeMs,
    randomBytes: (count) =>
      Uint8Array.from({ length: count }, () => {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
        return random >>> 24;
      }),
    after(ms, callback) {
      const timer = { atMs: timeMs + Math.max(0, ms), order: order++, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    pause: () => Promise.resolve(),
    async run(ms, isDone = () => false) {
      const untilMs = timeMs + ms;
      await settle();
      while (!isDone()) {
        const first = timers.reduce<(typeof timers)[number] | null>(
          (best, timer) =>
            !best || timer.atMs < best.atMs || (timer.atMs === best.atMs && timer.order < best.order) ? timer : best,
          null,
        );
        if (!first || first.atMs > untilMs) break;
        timers = timers.filter((timer) => timer !== first);
        timeMs = Math.max(timeMs, first.atMs);
        first.callback();
        await settle();
      }
      if (!isDone()) timeMs = untilMs;
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
