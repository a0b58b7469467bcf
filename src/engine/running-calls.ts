/** The calls that people and programs have under way at an engine: one that stops ends them before anything else. */
import { SyncError } from '../core/sync-error.js';
import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';

export interface RunningCalls {
  /** Aborts when the engine stops. */
  readonly stopping: AbortSignal;
  /** Rejects with `USYNC-1002` once the engine stops. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** The same for every call of an interface but the plain ones, which answer at once. */
  all<Calls extends object, Plain extends keyof Calls = never>(
    calls: Calls & AsyncCalls<Calls, Plain>,
    plain?: readonly Plain[],
  ): Calls;
  /** The signal of who asks, and that of the engine. */
  signalWith(signal: AbortSignal | undefined): AbortSignal;
  /** Refuses new ones, aborts those under way and waits for them; those that do not end in time, no longer. */
  end(system: System): Promise<void>;
}

type AsyncCall = (...args: never[]) => Promise<unknown>;
type AsyncCalls<Calls, Plain> = { readonly [Name in Exclude<keyof Calls, Plain>]: AsyncCall };

/** Long enough for all that look at the signal. What is left by then finds closed databases, and fails. */
const endMs = 10_000;

export function createRunningCalls(): RunningCalls {
  const controller = new AbortController();
  const { signal: stopping } = controller;
  const underWay = new Set<Promise<unknown>>();
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (stopping.aborted) throw new SyncError('USYNC-1002', 'The server is stopping.');
    const done = work();
    underWay.add(done);
    try {
      return await done;
    } finally {
      underWay.delete(done);
    }
  };
  const counted =
    (call: AsyncCall) =>
    (...args: never[]): Promise<unknown> =>
      run(() => call(...args));
  return {
    stopping,
    run,
    all: <Calls extends object>(calls: Calls, plain: readonly (keyof Calls)[] = []): Calls => {
      const kept: ReadonlySet<PropertyKey> = new Set(plain);
      const entries = Object.entries<AsyncCall>(calls as Readonly<Record<string, AsyncCall>>);
      return Object.fromEntries(entries.map(([name, call]) => [name, kept.has(name) ? call : counted(call)])) as Calls;
    },
    signalWith: (signal) => (signal === undefined ? stopping : AbortSignal.any([signal, stopping])),
    async end(system) {
      controller.abort();
      const isOver = new AbortController();
      const ended = Promise.allSettled(underWay).finally(() => isOver.abort());
      await Promise.race([ended, sleep(system, endMs, isOver.signal)]);
    },
  };
}
