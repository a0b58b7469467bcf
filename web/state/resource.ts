import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { failureOf, wasAborted, type FailureFacts } from '../api/failure.js';

export interface Resource<T> {
  /** The newest that was loaded; stays while it is loaded again, also when that fails. */
  readonly data: T | null;
  readonly failure: FailureFacts | null;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

export interface ResourceOptions {
  /** What is asked for. Another text is another thing: the old one is no longer shown. */
  readonly about: string;
  /** When it changes the same thing is loaded again, with the old one shown meanwhile. */
  readonly version?: string | number;
}

/** Loads what a part of a screen shows, again when it is asked or when its version changes. */
export function useResource<T>(
  load: (signal: AbortSignal) => Promise<T>,
  { about, version = 0 }: ResourceOptions,
): Resource<T> {
  const state = useSignal<Omit<Resource<T>, 'reload'>>({ data: null, failure: null, isLoading: true });
  const asked = useSignal(0);
  const shown = useRef(about);
  useEffect(() => {
    const abort = new AbortController();
    const before = shown.current === about ? state.peek().data : null;
    shown.current = about;
    state.value = { data: before, failure: null, isLoading: true };
    const work = async (): Promise<void> => {
      try {
        const data = await load(abort.signal);
        if (!abort.signal.aborted) state.value = { data, failure: null, isLoading: false };
      } catch (error) {
        if (wasAborted(error) || abort.signal.aborted) return;
        state.value = { data: before, failure: failureOf(error), isLoading: false };
      }
    };
    void work();
    return () => abort.abort();
  }, [about, version, asked.value]);
  // Read in every case: what a render does not read does not bring the next one.
  const current = state.value;
  return {
    ...(shown.current === about ? current : { data: null, failure: null, isLoading: true }),
    reload: () => (asked.value += 1),
  };
}
