/**
 * A signal for work in a worker: signals do not cross, memory that both sides see does. It is seen in the midst of work
 * that lets no message in, too.
 */
export type SharedSignal = Int32Array<SharedArrayBuffer>;

/** Runs `work` with what crosses for the signal. */
export async function withSharedSignal<T>(
  signal: AbortSignal | undefined,
  work: (shared: SharedSignal | undefined) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work(undefined);
  const shared: SharedSignal = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const abort = (): void => void Atomics.store(shared, 0, 1);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await work(shared);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The other side of it. */
export const signalOf = (shared: SharedSignal): Pick<AbortSignal, 'aborted'> => ({
  get aborted() {
    return Atomics.load(shared, 0) !== 0;
  },
});
