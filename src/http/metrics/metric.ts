/** The kinds of figures, made shortly. */
import type { HistogramReading } from '../../observe/histogram.js';
import type { Metric, Sample } from '../../observe/metrics-text.js';

type Labels = Readonly<Record<string, string>>;

export const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  ...{ name, help, kind: 'gauge', samples },
});

export const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  ...{ name, help, kind: 'counter', samples },
});

export const histogram = (
  name: string,
  help: string,
  readings: readonly { readonly labels: Labels; readonly reading: HistogramReading }[],
): Metric => ({
  ...{ name, help, kind: 'histogram' },
  samples: readings.flatMap(({ labels, reading }) => bucketsOf(reading, labels)),
});

function bucketsOf({ buckets, sum, count }: HistogramReading, labels: Labels): Sample[] {
  return [
    ...buckets.map(({ upTo, count: value }) => ({ suffix: '_bucket', labels: { ...labels, le: String(upTo) }, value })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum },
    { suffix: '_count', labels, value: count },
  ];
}

export const sample = (value: number | null, labels: Labels = {}): Sample => ({ labels, value });
export const secondsOf = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);
export const flag = (is: boolean): number => (is ? 1 : 0);
