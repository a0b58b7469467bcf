/** The drawing of curves, loaded only when a curve is shown. */
import Chart, { type AlignedData, type Options } from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface DrawnChart {
  setData(data: AlignedData): void;
  destroy(): void;
}

/** Follows the width of its place, and light and dark. */
export function drawChart(place: HTMLElement, options: Options, data: AlignedData): DrawnChart {
  const chart = new Chart(options, data, place);
  const follow = new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: options.height }));
  follow.observe(place);
  const redraw = (): void => chart.redraw();
  const device = matchMedia('(prefers-color-scheme: dark)');
  device.addEventListener('change', redraw);
  // What a person chose for this page stands at the root.
  const chosen = new MutationObserver(redraw);
  chosen.observe(document.documentElement, { attributes: true });
  return {
    setData: (next) => chart.setData(next),
    destroy() {
      follow.disconnect();
      chosen.disconnect();
      device.removeEventListener('change', redraw);
      chart.destroy();
    },
  };
}
