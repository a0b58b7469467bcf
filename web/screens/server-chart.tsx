import { call } from '../api/call.js';
import { LineChart } from '../parts/line-chart.js';
import { Panel } from '../parts/panel.js';
import { useResource } from '../state/resource.js';
import { samplesByServer, type Sample } from '../state/samples.js';
import { ageText, clockText } from '../words/age-text.js';

const samplesMin = 3;

/** How far behind a server was: what this server remembers, and since this page was opened. */
export function ServerChart({ id, name }: { readonly id: string; readonly name: string }) {
  const remembered = useResource((signal) => call('getServerLag', { params: { id }, signal }), { about: id });
  const live = samplesByServer.value.get(id) ?? [];
  const firstMs = live[0]?.atMs ?? Infinity;
  const earlier = (remembered.data?.samples ?? []).map(
    ({ at, behind_ms: behindMs, round_trip_ms: roundTripMs }): Sample => ({
      atMs: Date.parse(at),
      behindMs,
      roundTripMs,
    }),
  );
  const samples = [...earlier.filter(({ atMs }) => atMs < firstMs), ...live];
  const behind = samples.flatMap(({ behindMs }) => behindMs ?? []);
  const away = samples.length - behind.length;
  const summary =
    samples.length < samplesMin
      ? 'Nothing to draw yet: the curve begins when something was synced with it.'
      : `Behind by ${ageText(Math.max(0, ...behind))} at most since ${clockText(samples[0]?.atMs ?? 0)}${away === 0 ? '' : `; not reached at ${away} of ${samples.length} looks`}.`;
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
