import { addHash } from '../../../core/digest.js';
import type { LifeName } from '../../../core/life.js';
import type { SqlValue } from '../../../core/value.js';
import { eachPage, writtenAt, type Comparison } from './comparison.js';
import { genesisRow } from './genesis-row.js';
import { quoteName } from '../connection/identifiers.js';
import { createRowComparison, type RowComparison } from './row-comparison.js';
import { integerAt } from '../connection/row-values.js';
import { createRowReferences } from './row-references.js';
import { joinsKeys, joinsTable } from '../schema/synced-table.js';

/**
 * Rows of the batch without a shadow: new lives. Shadows are always written before references to them are read, so rows
 * that may refer to rows of this very pass (a table to itself, or tables in a circle) are read twice: first `shadows`,
 * then `blocks`. All others do both in one reading.
 */
export function captureInserts(comparison: Comparison, pass: 'both' | 'shadows' | 'blocks'): void {
  if (pass === 'blocks') return readAgain(comparison);
  const { table, sink } = comparison;
  const references = createRowReferences(comparison.context, table, sink);
  const isWhole = pass === 'both';
  const width = table.layout.length;
  const sql = `SELECT ${layoutColumns(comparison)}, b.t, ${table.isBag ? 'b.k1' : 'NULL'} ${isWhole ? references.columns : ''}
    FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
    ${isWhole ? references.joins : ''}
    WHERE b.n BETWEEN ?1 AND ?2
      AND (b.d = 1 OR NOT EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE ${joinsKeys(table, 's', 'b')})) ORDER BY b.n`;
  const hashing = createRowComparison(table);
  eachPage(comparison, sql, {
    take(rows) {
      const page = writeShadows(comparison, hashing, rows);
      if (!isWhole) return;
      comparison.changeset.add({
        kind: 'insert',
        table: table.name,
        columns: table.layout,
        count: rows.length,
        indexes: page.indexes,
        rows: page.rows,
        times: page.times,
        cellStamps: new Map(),
        values: references.translate(rows, width + 2, page.values),
      });
    },
  });
}

const layoutColumns = ({ table }: Comparison): string =>
  table.layout.map((column) => `r.${quoteName(column)}`).join(', ');

function writeShadows(comparison: Comparison, hashing: RowComparison, rows: readonly SqlValue[][]) {
  const { table, changeset, sink } = comparison;
  const width = table.layout.length;
  const count = rows.length;
  const first = changeset.takeIndexes(count);
  const columns = new Uint32Array(count * width);
  const hashes: number[] = [];
  const indexes = rows.map((_, n) => first + n);
  const times = rows.map((row) => writtenAt(changeset, row[width]));
  const values = table.layout.map((_, c) => rows.map((row) => row[c] ?? null));
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const row = rows[n] ?? [];
    const hash = hashing.hash(row);
    hashing.copyTo(columns, n);
    sum = addHash(sum, hash);
    hashes.push(hash);
  }
  const keys = table.isBag
    ? [rows.map((row) => row[width + 1] ?? null)]
    : table.keyPositions.map((at) => values[at] ?? []);
  const names = comparison.naming !== 'life' ? genesisNames(comparison, { rows, keys, hashes }) : new Map();
  sink.putNew(table, {
    origin: changeset.originNumber,
    stamp: changeset.stamp,
    count,
    keys,
    indexes,
    times,
    hashes,
    columns: new Uint8Array(columns.buffer),
    rows: names,
  });
  sink.digests.addRows(table, { rows: count, sum });
  return { indexes, times, values, rows: names as ReadonlyMap<number, LifeName> };
}

interface FoundRows {
  readonly rows: readonly SqlValue[][];
  readonly keys: readonly (readonly SqlValue[])[];
  readonly hashes: readonly number[];
}

function genesisNames(comparison: Comparison, { rows, keys, hashes }: FoundRows): Map<number, LifeName> {
  const { table, naming } = comparison;
  const names = new Map<number, LifeName>();
  for (let n = 0; n < rows.length; n++) {
    const key = table.isBag
      ? [BigInt(hashes[n] ?? 0), comparison.occurrenceOf(hashes[n] ?? 0)]
      : keys.map((column) => column[n] ?? null);
    if (naming === 'migration') key.push(BigInt(hashes[n] ?? 0));
    names.set(n, genesisRow(table, key));
  }
  return names;
}

/** The second reading: what the first gave a life in this changeset. */
function readAgain(comparison: Comparison): void {
  const { context, table, changeset, sink } = comparison;
  const references = createRowReferences(context, table, sink);
  const width = table.layout.length;
  const sql = `SELECT ${layoutColumns(comparison)}, b.t, s.i, s.r ${references.columns}
    FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
    CROSS JOIN ${sink.staged(table).shadowSql} s ON ${joinsKeys(table, 's', 'b')} ${references.joins}
    WHERE b.n BETWEEN ?1 AND ?2 AND s.s = ?3 AND s.o = ?4 ORDER BY b.n`;
  eachPage(comparison, sql, {
    params: [BigInt(changeset.stamp), BigInt(changeset.originNumber)],
    take(rows) {
      const names = new Map<number, LifeName>();
      for (const [n, row] of rows.entries()) {
        const name = row[width + 2];
        if (name instanceof Uint8Array) names.set(n, context.shadows.bytesToRow(name));
      }
      const values = table.layout.map((_, c) => rows.map((row) => row[c] ?? null));
      changeset.add({
        kind: 'insert',
        table: table.name,
        columns: table.layout,
        count: rows.length,
        indexes: rows.map((row) => integerAt(row, width + 1)),
        rows: names,
        times: rows.map((row) => writtenAt(changeset, row[width])),
        cellStamps: new Map(),
        values: references.translate(rows, width + 3, values),
      });
    },
  });
}
