import { keyText } from '../../../core/key-text.js';
import { isSameValue, type SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { defaultOf } from '../schema/column-defaults.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** What two rows with one generated number are to each other, as far as their cells tell. */
export type Kinship = 'same' | 'other' | 'unclear';

/** Values in the order of the layout; undefined where it is not known what the other side shows. */
export type ShownRow = readonly (SqlValue | undefined)[];

/**
 * Compares rows that differ. Only telling values count: NULL, a column's default, and what several of the newest rows here
 * hold (a role, a flag) is shared by strangers as well. A row that shares none is another row; one that shares more than
 * half of its own is the same row, edited.
 */
export interface RowKinship {
  of(table: SyncedTable, here: readonly SqlValue[], theirs: ShownRow): Kinship;
}

const newestRows = 256;
/** Longer values are not held against others: hardly two rows share one by chance. */
const lengthMax = 100;

type Counts = ReadonlyMap<string, number>;

export function createRowKinship(context: ReplicaContext): RowKinship {
  const countsByTable = new Map<SyncedTable, readonly Counts[]>();

  function isTelling(table: SyncedTable, position: number, value: SqlValue): boolean {
    if (value === null || table.keyPositions.includes(position)) return false;
    if (isSameValue(value, defaultOf(context.connection, table, table.layout[position] ?? ''))) return false;
    let counts = countsByTable.get(table);
    if (!counts) countsByTable.set(table, (counts = countNewest(context, table)));
    return isLong(value) || (counts[position]?.get(keyText([value])) ?? 0) < 2;
  }

  return {
    of(table, here, theirs) {
      let [told, shared] = [0, 0];
      for (const [position, value] of here.entries()) {
        const other = theirs[position];
        if (other === undefined || !isTelling(table, position, value)) continue;
        told++;
        if (isSameValue(value, other)) shared++;
      }
      if (shared === 0) return 'other';
      return shared * 2 > told ? 'same' : 'unclear';
    },
  };
}

const isLong = (value: SqlValue): boolean =>
  (typeof value === 'string' || value instanceof Uint8Array) && value.length > lengthMax;

/** Per column, how many of the newest rows hold a value. */
function countNewest({ connection }: ReplicaContext, table: SyncedTable): Counts[] {
  const columns = table.layout.map((column) => {
    const name = quoteName(column);
    return `CASE WHEN typeof(${name}) IN ('text', 'blob') AND length(${name}) > ${lengthMax} THEN NULL ELSE ${name} END`;
  });
  const rows = connection
    .cached(`SELECT ${columns.join(', ')} FROM ${table.sql} ORDER BY ${table.keySql[0] ?? ''} DESC LIMIT ${newestRows}`)
    .allExact();
  return table.layout.map((_, position) => {
    const counts = new Map<string, number>();
    for (const row of rows) {
      const text = keyText([row[position] ?? null]);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    return counts;
  });
}
