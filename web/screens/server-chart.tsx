import { LineChart } from '../parts/line-chart.js';
import { Panel } from '../parts/panel.js';
import { samplesByServer } from '../state/samples.js';
import { ageText } from '../words/age-text.js';

const samplesMin = 3;

/** How far behind a server was, since this page was opened. */
export function ServerChart({ id, name }: { readonly id: string; readonly name: string }) {
  const samples = samplesByServer.value.get(id) ?? [];
  const behind = samples.flatMap(({ behindMs }) => behindMs ?? []);
  const away = samples.length - behind.length;
  const summary =
    samples.length < samplesMin
      ? 'The curve begins when the page has been open for a while.'
      : `Behind by ${ageText(Math.max(0, ...behind))} at most since this page was opened${away === 0 ? '' : `; not reached at ${away} of ${samples.length} looks`}.`;
  return (
    <Panel title="How far behind">
      <p class="muted">{summary}</p>
      {samples.length < samplesMin ? null : (
        <LineChart
          label={`How far ${name} was behind`}
          timesMs={samples.map(({ atMs }) => atMs)}
          lines={[
            {
              name: 'behind (s)',
              values: samples.map(({ behindMs }) => (behindMs === null ? null : behindMs / 1_000)),
            },
          ]}
        />
      )}
    </Panel>
  );
}
