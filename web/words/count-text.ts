const numberFormat = new Intl.NumberFormat('en-GB');

export const numberText = (value: number): string => numberFormat.format(value);

/** `1 row`, `1,204 rows`; the plural is given where it does not end in s. */
export const countText = (count: number, noun: string, plural = `${noun}s`): string =>
  `${numberFormat.format(count)} ${count === 1 ? noun : plural}`;

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listText(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? '';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
