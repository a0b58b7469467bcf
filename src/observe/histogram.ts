/** How often values fell below each of some bounds, with their sum: what Prometheus makes percentiles of. */
export interface Histogram {
  observe(value: number): void;
  read(): HistogramReading;
}

export interface HistogramReading {
  /** Each bound with the count of values up to it; ascending. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = bounds.map(() => 0);
  let [sum, count] = [0, 0];
  return {
    observe(value) {
      const at = bounds.findIndex((bound) => value <= bound);
      if (at >= 0) counts[at] = (counts[at] ?? 0) + 1;
      sum += value;
      count += 1;
    },
    read() {
      let below = 0;
      const buckets = bounds.map((upTo, at) => ({ upTo, count: (below += counts[at] ?? 0) }));
      return { buckets, sum, count };
    },
  };
}
