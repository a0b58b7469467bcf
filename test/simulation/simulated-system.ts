import type { System } from '../../src/system/system.js';
import type { Random } from './random.js';
import type { VirtualTime } from './virtual-time.js';

/** The wall clock of one server: wrong by a constant, by a rate, and by jumps. */
export interface SimulatedClock {
  nowMs(): number;
  jump(byMs: number): void;
  /** Ends all lies; the time may go back. */
  correct(): void;
}

/** 2026-01-01; the simulation begins there. */
export const simulationStartMs = Date.UTC(2026, 0, 1);

export function createClock(time: VirtualTime, skewMs: number, rate: number): SimulatedClock {
  let offMs = skewMs;
  let factor = rate;
  return {
    nowMs: () => Math.trunc(simulationStartMs + time.nowMs() * factor + offMs),
    jump: (byMs) => {
      offMs += byMs;
    },
    correct: () => {
      offMs = 0;
      factor = 1;
    },
  };
}

/** The System of one process. After `die` its timers never fire: what waits, waits for ever, as after kill -9. */
export interface SimulatedProcess {
  readonly system: System;
  readonly isDead: () => boolean;
  die(): void;
}

export function createProcess(time: VirtualTime, clock: SimulatedClock, random: Random): SimulatedProcess {
  let isDead = false;
  return {
    isDead: () => isDead,
    die: () => {
      isDead = true;
    },
    system: {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => time.nowMs(),
      randomBytes: (count) => random.bytes(count),
      after: (ms, callback) =>
        time.after(ms, () => {
          if (!isDead) callback();
        }),
      pause: () =>
        new Promise((resolve) => {
          time.after(0, () => {
            if (!isDead) resolve();
          });
        }),
    },
  };
}
