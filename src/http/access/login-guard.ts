import { loginForgetMs, loginFreeFailures, loginKeysMax, loginWaitMsMax, loginWaitMsMin } from '../http-limits.js';

/** Slows down guessing: by address and by name, so that neither many names nor many addresses help. */
export interface LoginGuard {
  /** How long these must wait; 0: not at all. */
  waitMs(keys: readonly string[], nowMs: number): number;
  failed(keys: readonly string[], nowMs: number): void;
  succeeded(keys: readonly string[]): void;
}

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/** Times are monotonic: a wall clock that is set must let nobody in and shut nobody out. */
export function createLoginGuard(): LoginGuard {
  const failuresByKey = new Map<string, Failures>();
  const of = (key: string, nowMs: number): Failures => {
    const found = failuresByKey.get(key);
    return found && nowMs - found.lastMs < loginForgetMs ? found : { count: 0, lastMs: -Infinity };
  };
  return {
    waitMs: (keys, nowMs) =>
      Math.max(
        0,
        ...keys.map((key) => {
          const { count, lastMs } = of(key, nowMs);
          const over = count - loginFreeFailures;
          return over < 0 ? 0 : lastMs + Math.min(loginWaitMsMin * 2 ** over, loginWaitMsMax) - nowMs;
        }),
      ),
    failed(keys, nowMs) {
      for (const key of keys) {
        const { count } = of(key, nowMs);
        failuresByKey.delete(key);
        failuresByKey.set(key, { count: count + 1, lastMs: nowMs });
      }
      for (const oldest of failuresByKey.keys()) {
        if (failuresByKey.size <= loginKeysMax) break;
        failuresByKey.delete(oldest);
      }
    },
    succeeded(keys) {
      for (const key of keys) failuresByKey.delete(key);
    },
  };
}
