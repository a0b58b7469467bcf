import { SyncError } from '../../../core/sync-error.js';
import type { SqlValue } from '../../../core/value.js';

/** Reading the sync tables' own rows: their columns have one type each, integers below 2^53. */
export function integerAt(row: readonly SqlValue[], position: number): number {
  const value = row[position];
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return value;
  throw broken(position, 'an integer');
}

export function textAt(row: readonly SqlValue[], position: number): string {
  const value = row[position];
  if (typeof value === 'string') return value;
  throw broken(position, 'text');
}

export function bytesAt(row: readonly SqlValue[], position: number): Uint8Array {
  const value = row[position];
  if (value instanceof Uint8Array) return value;
  throw broken(position, 'a blob');
}

const broken = (position: number, wanted: string): SyncError =>
  new SyncError('USYNC-1001', `column ${position} of a sync table should hold ${wanted}`);
