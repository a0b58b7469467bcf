import { lifeText } from '../../../core/life.js';
import { RawText, RowReference, type CellValue } from '../../../core/value.js';

/** As an SQL literal, so that a person can put it back by hand; what is longer than `charactersMax` is cut. */
export function valueLiteral(value: CellValue, charactersMax = 4000): string {
  const text = literalOf(value);
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}...`;
}

function literalOf(value: CellValue): string {
  if (value === null) return 'NULL';
  if (value instanceof RowReference) return `row ${lifeText(value.row)}`;
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (value instanceof RawText) return `CAST(x'${Buffer.from(value.bytes).toString('hex')}' AS TEXT)`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (typeof value === 'number' && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}
