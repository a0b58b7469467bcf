/** One line of the result: what was measured, against what baseline in the same run, and the goal for it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The plain way to do the same, in the same unit; null where the figure stands alone. */
  readonly baseline: number | null;
  /** What is held against the goal: the ratio where there is a baseline, else the value. */
  readonly goal: Goal | null;
}

export interface Goal {
  readonly kind: 'at most' | 'at least';
  readonly value: number;
}

export const measureOf = ({ value, baseline }: Figure): number => (baseline === null ? value : value / baseline);

export function isReached(figure: Figure): boolean | null {
  if (figure.goal === null) return null;
  const measure = measureOf(figure);
  return figure.goal.kind === 'at most' ? measure <= figure.goal.value : measure >= figure.goal.value;
}

const rounded = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

/** One table for all figures. */
export function figureLines(figures: readonly Figure[]): string[] {
  const rows = [['what', 'value', 'baseline', 'ratio', 'goal', '']].concat(
    figures.map((figure) => [
      figure.name,
      `${rounded(figure.value)} ${figure.unit}`,
      figure.baseline === null ? '' : `${rounded(figure.baseline)} ${figure.unit}`,
      figure.baseline === null ? '' : rounded(measureOf(figure)),
      figure.goal === null ? '' : `${figure.goal.kind} ${figure.goal.value}`,
      { true: 'reached', false: 'NOT REACHED', null: '' }[String(isReached(figure)) as 'true' | 'false' | 'null'],
    ]),
  );
  const widths = [0, 1, 2, 3, 4, 5].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);
