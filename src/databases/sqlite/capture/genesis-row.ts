import type { LifeName } from '../../../core/life.js';
import { columnHash, columnSeed } from '../../../core/row-hash.js';
import { genesisOrigin } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { SqlValue } from '../../../core/value.js';
import { foldName } from '../connection/identifiers.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** Stamps of names made from numbers, and from where those made by hashing begin: all long before any clock. */
const numberStamp = 1 as Stamp;
const hashStampMin = 2;
const hashStamps = 2 ** 20;

/**
 * The name of a row that was there before Universal Sync, made from its key (rule R10), so that copies of one database
 * give the same row the same name. A number is its own name; other keys are hashed to 72 bits. Rows of bags are named
 * by their content and which occurrence they are: `key` holds the row's hash and that number. Rows of a migration have their
 * hash behind the key.
 */
export function genesisRow(table: SyncedTable, key: readonly SqlValue[]): LifeName {
  const [first] = key;
  const isNumber = table.isRowidKey && !table.isBag && key.length === 1;
  if (isNumber && typeof first === 'bigint' && first >= 0n && first < 2n ** 53n) {
    return { origin: genesisOrigin, stamp: numberStamp, index: Number(first) };
  }
  let [a, b, c] = [0, 0, 0];
  for (const [position, value] of key.entries()) {
    const text = typeof value === 'string' ? foldKey(table, position, value) : value;
    a = mixed(a, columnHash(columnSeed(`a${position}`), text));
    b = mixed(b, columnHash(columnSeed(`b${position}`), text));
    c = mixed(c, columnHash(columnSeed(`c${position}`), text));
  }
  const index = (a % 2 ** 20) * 2 ** 32 + b;
  return { origin: genesisOrigin, stamp: (hashStampMin + (c % hashStamps)) as Stamp, index };
}

/** The number that named the row; null for any other row. */
export const genesisNumber = ({ origin, stamp, index }: LifeName): number | null =>
  origin === genesisOrigin && stamp === numberStamp ? index : null;

/** Texts that the key's collation takes for equal, as one text. */
export function foldKey(table: SyncedTable, position: number, text: string): string {
  const collation = table.form.key[position]?.collation;
  if (collation === 'NOCASE') return foldName(text);
  return collation === 'RTRIM' ? text.replace(/ +$/, '') : text;
}

const mixed = (hash: number, next: number): number => (Math.imul(hash ^ 0x9e37_79b1, 0x85eb_ca6b) + next) >>> 0;
