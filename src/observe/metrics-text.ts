/** The text format of Prometheus, version 0.0.4. Pure. */

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Of a histogram: `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Null where the value is not known: then there is no line. */
  readonly value: number | null;
}

export const metricsText = (metrics: readonly Metric[]): string =>
  metrics
    .map(({ name, help, kind, samples }) => {
      const lines = samples.flatMap(({ suffix = '', labels = {}, value }) =>
        value === null ? [] : [`${name}${suffix}${labelsText(labels)} ${valueText(value)}`],
      );
      return lines.length === 0
        ? ''
        : [`# HELP ${name} ${helpText(help)}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n');
    })
    .join('');

function labelsText(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}

/** Names of servers and tables are other people's: nothing in them may end a line or a label. */
const escaped = (text: string): string =>
  Buffer.from(text)
    .toString()
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll(/\p{Cc}/gu, '\u{fffd}');

const helpText = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const valueText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
