import { errorMessageOf } from '../core/sync-error.js';
import type { System } from '../system/system.js';
import type { EventDetail, Observe, ObservedEvent } from './event.js';

/**
 * Takes every event, stamps it with the time and hands it to the renderings. A rendering that throws is left out for
 * that event and counted: telemetry cannot fail the operation that it tells of.
 */
export interface Recorder {
  readonly observe: Observe;
  /** Returns the way to take it off again. */
  attach(rendering: (event: ObservedEvent) => void): () => void;
  /** How many events some rendering failed to take, and why the last time. */
  failures(): { readonly count: number; readonly last: string | null };
}

export function createRecorder(system: System): Recorder {
  const renderings = new Set<(event: ObservedEvent) => void>();
  let count = 0;
  let last: string | null = null;
  const observe = (level: ObservedEvent['level'], detail: EventDetail): void => {
    const event: ObservedEvent = { ...detail, level, atMs: system.nowMs() };
    for (const rendering of renderings) {
      try {
        rendering(event);
      } catch (error) {
        count += 1;
        last = errorMessageOf(error);
      }
    }
  };
  return {
    observe,
    attach: (rendering) => {
      renderings.add(rendering);
      return () => {
        renderings.delete(rendering);
      };
    },
    failures: () => ({ count, last }),
  };
}
