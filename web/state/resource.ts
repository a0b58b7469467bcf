import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { failureOf, wasAborted, type FailureFacts } from '../api/failure.js';

export interface Resource<T> {
  /** The newest that was loaded; stays while it is loaded again, also when that fails. */
  readonly data: T | null;
  readonly failure: FailureFacts | null;
  readonly isLoading: boolean;
  /** When the server read it, in this browser's time; null where it was read for this answer. */
  readonly oldSinceMs: number | null;
  readonly reload: () => void;
}

export interface ResourceOptions {
  /** What is asked for. Another text is another thing: the old one is no longer shown. */
  readonly about: string;
  /** When it changes the same thing is loaded again, with the old one shown meanwhile. */
  readonly version?: string | number;
}

type State = Omit<Resource<never>, 'reload'>;
const nothing: State = { data: null, failure: null, isLoading: true, oldSinceMs: null };
/** What a busy server told from before is asked for again after this. */
const againMs = 2_000;

/** Loads what a part of a screen shows, again when it is asked or when its version changes. */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  { about, version = 0 }: ResourceOptions,
): Resource<T> {
  const state = useSignal<Omit<Resource<T>, 'reload'>>(nothing);
  const asked = useSignal(0);
  const shown = useRef(about);
  useEffect(() => {
    const abort = new AbortController();
    const before = shown.current === about ? state.peek() : nothing;
    let again: ReturnType<typeof setTimeout> | undefined;
    shown.current = about;
    state.value = { ...before, failure: null, isLoading: true };
    const work = async (): Promise<void> => {
      try {
        const data = await load(abort.signal);
        if (abort.signal.aborted) return;
        const oldSinceMs = oldSince(data);
        state.value = { data, failure: null, isLoading: false, oldSinceMs };
        if (oldSinceMs !== null) again = setTimeout(() => (asked.value += 1), againMs);
      } catch (error) {
        if (wasAborted(error) || abort.signal.aborted) return;
        state.value = { ...before, failure: failureOf(error), isLoading: false };
      }
    };
    void work();
    return () => {
      clearTimeout(again);
      abort.abort();
    };
  }, [about, version, asked.value]);
  // Read in every case: what a render does not read does not bring the next one.
  const current = state.value;
  return {
    ...(shown.current === about ? current : nothing),
    reload: () => (asked.value += 1),
  };
}

function oldSince(data: unknown): number | null {
  if (typeof data !== 'object' || data === null) return null;
  const ageMs: unknown = Reflect.get(data, 'age_ms');
  return typeof ageMs === 'number' && ageMs > 0 ? Date.now() - ageMs : null;
}
