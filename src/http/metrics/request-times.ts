import { createHistogram, type Histogram, type HistogramReading } from '../../observe/histogram.js';
import type { Route } from '../contract/route.js';

/** How long requests took, by route. The table of routes bounds them: what a stranger makes up has no label. */
export interface RequestTimes {
  note(route: Route, seconds: number): void;
  read(): readonly { readonly method: string; readonly route: string; readonly reading: HistogramReading }[];
}

const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createRequestTimes(): RequestTimes {
  const byRoute = new Map<Route, Histogram>();
  return {
    note(route, seconds) {
      const known = byRoute.get(route) ?? createHistogram(bounds);
      byRoute.set(route, known);
      known.observe(seconds);
    },
    read: () =>
      [...byRoute].map(([{ method, path }, histogram]) => ({ method, route: path, reading: histogram.read() })),
  };
}
