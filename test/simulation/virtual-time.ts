/**
 * Virtual time. One event runs at a time; between two events every promise that can go on has gone on, so the order of
 * everything depends on the seed alone.
 */
export interface VirtualTime {
  readonly nowMs: () => number;
  /** Calls once at that time; earlier-made events of the same time come first. The returned function cancels it. */
  at(timeMs: number, callback: () => void): () => void;
  after(delayMs: number, callback: () => void): () => void;
  /** Runs events until that time, or until `isDone` holds. */
  runUntil(timeMs: number, isDone?: () => boolean): Promise<void>;
  readonly eventCount: () => number;
}

interface TimedEvent {
  readonly timeMs: number;
  readonly order: number;
  callback: (() => void) | null;
}

const isBefore = (a: TimedEvent, b: TimedEvent): boolean =>
  a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);

export function createVirtualTime(eventsMax: number): VirtualTime {
  let nowMs = 0;
  let made = 0;
  let run = 0;
  const heap: TimedEvent[] = [];

  const at = (timeMs: number, callback: () => void): (() => void) => {
    const event: TimedEvent = { timeMs: Math.max(timeMs, nowMs), order: made++, callback };
    push(heap, event);
    return () => {
      event.callback = null;
    };
  };

  return {
    nowMs: () => nowMs,
    at,
    after: (delayMs, callback) => at(nowMs + Math.max(delayMs, 0), callback),
    eventCount: () => run,
    runUntil: async (timeMs, isDone = () => false) => {
      await settle();
      while (!isDone()) {
        const [first] = heap;
        if (first === undefined || first.timeMs > timeMs) break;
        pop(heap);
        const { callback } = first;
        if (!callback) continue;
        nowMs = first.timeMs;
        if (++run > eventsMax) throw new Error(`ENDLESS: more than ${eventsMax} events in one run`);
        callback();
        await settle();
      }
      if (!isDone()) nowMs = Math.max(nowMs, timeMs);
    },
  };
}

/** Lets every promise that is ready go on: the next turn of the event loop comes after all of them. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function push(heap: TimedEvent[], event: TimedEvent): void {
  let child = heap.push(event) - 1;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (!swapIfBefore(heap, child, parent)) return;
    child = parent;
  }
}

function pop(heap: TimedEvent[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  for (let parent = 0; ;) {
    const left = heap[2 * parent + 1];
    const right = heap[2 * parent + 2];
    if (left === undefined) return;
    const child = right !== undefined && isBefore(right, left) ? 2 * parent + 2 : 2 * parent + 1;
    if (!swapIfBefore(heap, child, parent)) return;
    parent = child;
  }
}

function swapIfBefore(heap: TimedEvent[], child: number, parent: number): boolean {
  const below = heap[child];
  const above = heap[parent];
  if (below === undefined || above === undefined || !isBefore(below, above)) return false;
  heap[parent] = below;
  heap[child] = above;
  return true;
}
