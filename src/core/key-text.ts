import type { Collation } from './table-schema.js';
import { RawText, type SqlValue } from './value.js';

/**
 * A text that is equal for two lists of values exactly when an engine takes them for the same key: numbers by their
 * numeric value (1 = 1.0), text by its collation, everything else by its bytes. NULL equals NULL here; see `clashText`.
 * @param collations Per value; what is missing counts as `binary`.
 */
export function keyText(values: readonly SqlValue[], collations: readonly Collation[] = []): string {
  let text = '';
  for (let i = 0; i < values.length; i++) {
    const part = valueText(values[i] ?? null, collations[i] ?? 'binary');
    text += `${part.length}:${part}`;
  }
  return text;
}

/** As `keyText`; null when a value is NULL, since a UNIQUE constraint lets such rows stand side by side. */
export function clashText(values: readonly SqlValue[], collations: readonly Collation[] = []): string | null {
  return values.some((value) => value === null) ? null : keyText(values, collations);
}

function valueText(value: SqlValue, collation: Collation): string {
  if (value === null) return '0';
  if (typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return `t${collated(value, collation)}`;
  if (value instanceof RawText) return `x${hexOf(collatedBytes(value.bytes, collation))}`;
  return `b${hexOf(value)}`;
}

/** Beyond 2^63 no integer can be equal, so the real speaks for itself. */
function numberText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 63 ? `i${BigInt(value)}` : `r${value}`;
}

/** NOCASE folds the 26 ASCII letters only; RTRIM drops spaces (U+0020) only: both as SQLite does. */
function collated(text: string, collation: Collation): string {
  if (collation === 'nocase') return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (collation === 'rtrim')
    return text.slice(
      0,
      lengthWithoutSpaces(text.length, (i) => text.charCodeAt(i)),
    );
  return text;
}

function collatedBytes(bytes: Uint8Array, collation: Collation): Uint8Array {
  if (collation === 'nocase') return bytes.map((byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));
  if (collation === 'rtrim')
    return bytes.subarray(
      0,
      lengthWithoutSpaces(bytes.length, (i) => bytes[i]),
    );
  return bytes;
}

function lengthWithoutSpaces(length: number, codeAt: (index: number) => number | undefined): number {
  let end = length;
  while (end > 0 && codeAt(end - 1) === 0x20) end--;
  return end;
}

function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
