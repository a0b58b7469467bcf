/**
 * Text that is not valid UTF-8. Drivers hand it out with U+FFFD in the place of what they cannot decode; only then,
 * which is rare, the same statement is run again with the bytes of the suspicious columns beside them.
 */
import { isUtf8 } from 'node:buffer';
import { RawText, type SqlValue } from '../../../core/value.js';
import type { ModuleValue } from './sqlite-module.js';

const replacement = '\uFFFD';

/** Positions of columns in which some row holds U+FFFD. */
export function suspiciousColumns(rows: readonly (readonly ModuleValue[])[]): Set<number> {
  const found = new Set<number>();
  for (const row of rows) {
    for (let column = 0; column < row.length; column++) {
      const value = row[column];
      if (typeof value === 'string' && value.includes(replacement)) found.add(column);
    }
  }
  return found;
}

/** `sql` (one SELECT, no semicolon at its end) with the bytes of some columns, where they are text, behind the others. */
export function withTextBytes(sql: string, columnCount: number, suspicious: readonly number[]): string {
  const names = Array.from({ length: columnCount }, (_, column) => `c${column}`).join(', ');
  const bytes = suspicious.map((column) => `CASE typeof(c${column}) WHEN 'text' THEN CAST(c${column} AS BLOB) END`);
  return `WITH _usync_exact(${names}) AS (\n${sql}\n) SELECT ${names}, ${bytes.join(', ')} FROM _usync_exact`;
}

/** Puts `RawText` where the bytes are not UTF-8, and takes the bytes off again. */
export function exactRow(row: ModuleValue[], columnCount: number, suspicious: readonly number[]): SqlValue[] {
  const exact: SqlValue[] = row.slice(0, columnCount);
  suspicious.forEach((column, i) => {
    const bytes = row[columnCount + i];
    if (bytes instanceof Uint8Array && !isUtf8(bytes)) exact[column] = new RawText(bytes);
  });
  return exact;
}
