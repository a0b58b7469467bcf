import type { Figure } from './figure.js';

/** CPU of this process in microseconds a row: what other programs do on the machine counts less than in wall time. */
export async function cpuPerRow(rows: number, work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / rows;
}

/** Against the plain insert of such a row, in the same run. */
export const cpuFigure = (name: string, value: number, baseline: number, goal: Figure['goal'] = null): Figure => ({
  name,
  value,
  unit: 'us CPU/row',
  baseline,
  goal,
});
