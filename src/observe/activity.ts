import type { ObservedEvent } from './event.js';

/** The newest events in memory, bounded. */
export interface Activity {
  readonly add: (event: ObservedEvent) => void;
  /** The newest `max` events, oldest first. */
  newest(max: number): readonly ObservedEvent[];
}

const joinWithinMs = 5_000;

/**
 * Streams of small events of one kind become one entry with sums, so that a busy hour does not push out what a person
 * looks for.
 */
export function createActivity(eventsMax: number): Activity {
  const ring: ObservedEvent[] = [];
  return {
    add: (event) => {
      for (let index = ring.length - 1; index >= Math.max(0, ring.length - 8); index -= 1) {
        const joined = joinedEvent(ring[index], event);
        if (joined === null) continue;
        ring.splice(index, 1);
        ring.push(joined);
        return;
      }
      ring.push(event);
      if (ring.length > eventsMax) ring.shift();
    },
    newest: (max) => ring.slice(Math.max(0, ring.length - max)),
  };
}

function joinedEvent(before: ObservedEvent | undefined, event: ObservedEvent): ObservedEvent | null {
  if (before === undefined || event.atMs - before.atMs > joinWithinMs || event.atMs < before.atMs) return null;
  if (event.kind === 'captured' && before.kind === 'captured' && event.dataset === before.dataset)
    return { ...event, changesets: before.changesets + event.changesets, rows: before.rows + event.rows };
  if (
    event.kind === 'merged' &&
    before.kind === 'merged' &&
    event.dataset === before.dataset &&
    event.peer === before.peer
  )
    return { ...event, changesets: before.changesets + event.changesets, rows: before.rows + event.rows };
  if (event.kind === 'loop-failed' && before.kind === 'loop-failed' && event.loop === before.loop) return event;
  if (
    event.kind === 'proven' &&
    before.kind === 'proven' &&
    event.dataset === before.dataset &&
    event.peer === before.peer
  )
    return event;
  return null;
}
