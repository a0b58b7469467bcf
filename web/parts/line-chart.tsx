import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { AlignedData, Options } from 'uplot';
import { clockText } from '../words/age-text.js';

export interface LineChartProps {
  readonly label: string;
  readonly timesMs: readonly number[];
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

const heightPixels = 180;
const rowsMax = 30;

/** Curves over time. The same values stand in a table below, for readers and for exact figures. */
export function LineChart({ label, timesMs, lines }: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const isLoaded = useSignal(false);
  const data: AlignedData = [timesMs.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])];
  const drawn = useRef<{ setData(data: AlignedData): void; destroy(): void } | null>(null);
  useEffect(() => {
    let isGone = false;
    void import('./draw-chart.js').then(({ drawChart }) => {
      if (isGone || place.current === null) return undefined;
      drawn.current = drawChart(place.current, optionsFor(place.current, lines), data);
      isLoaded.value = true;
      return undefined;
    });
    return () => {
      isGone = true;
      drawn.current?.destroy();
      drawn.current = null;
    };
  }, []);
  useEffect(() => {
    if (isLoaded.value) drawn.current?.setData(data);
  }, [timesMs.length]);
  return (
    <figure class="chart">
      <div ref={place} role="img" aria-label={`${label}; the values stand in the table below.`} />
      <ChartTable label={label} timesMs={timesMs} lines={lines} />
    </figure>
  );
}

function ChartTable({ label, timesMs, lines }: LineChartProps) {
  const newest = timesMs.map((ms, at) => ({ ms, at })).slice(-rowsMax);
  return (
    <details>
      <summary>Show as table</summary>
      <div class="table-frame">
        <table>
          <caption>{label}, newest last</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {lines.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {newest.map(({ ms, at }) => (
              <tr key={ms}>
                <th scope="row">{clockText(ms)}</th>
                {lines.map(({ name, values }) => (
                  <td key={name} class="number">
                    {values[at]?.toFixed(1) ?? 'not reached'}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function optionsFor(place: HTMLElement, lines: LineChartProps['lines']): Options {
  const style = getComputedStyle(place);
  // Asked at each drawing: the theme may have changed.
  const colour = (name: string) => (): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  return {
    width: place.clientWidth,
    height: heightPixels,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_chart, low, high) => [Math.min(0, low), Math.max(1, high)] } },
    axes: [{ ...axis, values: (_chart, seconds) => seconds.map((each) => clockText(each * 1_000)), space: 90 }, axis],
    series: [{}, ...lines.map(({ name }) => ({ label: name, stroke: colour('--accent'), width: 2 }))],
  };
}
