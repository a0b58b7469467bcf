import { sumOf } from '../../../core/digest.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import type { SqlValue } from '../../../core/value.js';
import { eachColumnPage, writtenAt, type Comparison } from './comparison.js';
import { genesisRow } from './genesis-row.js';
import { foundStamp, noteJoined, rowsHere } from './joined-rows.js';
import { quoteName } from '../connection/identifiers.js';
import { createRowComparison, type RowComparison } from './row-comparison.js';
import type { ColumnPage } from '../connection/column-reader.js';
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
  const ofBatch = ['b.t', ...(table.isBag ? ['b.k1'] : [])];
  const columns = [...layoutColumns(comparison), ...ofBatch, ...(isWhole ? references.columns : [])];
  const from = `FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
    ${isWhole ? references.joins : ''}
    WHERE b.n BETWEEN ?1 AND ?2
      AND (b.d = 1 OR NOT EXISTS (SELECT 1 FROM ${table.shadowSql} s WHERE ${joinsKeys(table, 's', 'b')})) ORDER BY b.n`;
  const hashing = createRowComparison(table);
  eachColumnPage(
    comparison,
    { columns, from },
    {
      take(page) {
        const { indexes, rows, times } = writeShadows(comparison, hashing, page);
        if (!isWhole) return;
        comparison.changeset.add({
          kind: 'insert',
          table: table.name,
          columns: table.layout,
          count: page.count,
          indexes,
          rows,
          times,
          cellStamps: new Map(),
          values: references.translate(page.columns.slice(0, width), page.columns.slice(width + ofBatch.length)),
        });
      },
    },
  );
}

const layoutColumns = ({ table }: Comparison): string[] => table.layout.map((column) => `r.${quoteName(column)}`);

function writeShadows(comparison: Comparison, hashing: RowComparison, { count, columns: read }: ColumnPage) {
  const { table, changeset, sink } = comparison;
  const width = table.layout.length;
  const first = changeset.takeIndexes(count);
  const indexes = Array.from({ length: count }, (_, n) => first + n);
  const { rows: hashes, columns } = hashing.hashColumns(read.slice(0, width), count);
  const sum = sumOf(hashes);
  const keys = table.isBag ? [read[width + 1] ?? []] : table.keyPositions.map((at) => read[at] ?? []);
  const names: ReadonlyMap<number, LifeName> =
    comparison.naming !== 'life' ? genesisNames(comparison, { count, keys, hashes }) : new Map();
  const older = comparison.naming === 'genesis' ? rowsHere(comparison.context, table, names) : new Set<number>();
  const times = (read[width] ?? []).map((time, n) => (older.has(n) ? foundStamp : writtenAt(changeset, time)));
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
  if (names.size > 0) sink.later(() => noteJoined(comparison.context, table, names.values()));
  return { indexes, times, rows: names };
}

interface FoundRows {
  readonly count: number;
  readonly keys: readonly (readonly SqlValue[])[];
  readonly hashes: ArrayLike<number>;
}

function genesisNames(comparison: Comparison, { count, keys, hashes }: FoundRows): Map<number, LifeName> {
  const { table, naming } = comparison;
  const names = new Map<number, LifeName>();
  for (let n = 0; n < count; n++) {
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
  const columns = [...layoutColumns(comparison), 's.d', 's.i', 's.r', ...references.columns];
  const from = `FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
    CROSS JOIN ${sink.staged(table).shadowSql} s ON ${joinsKeys(table, 's', 'b')} ${references.joins}
    WHERE b.n BETWEEN ?1 AND ?2 AND s.s = ?3 AND s.o = ?4 ORDER BY b.n`;
  eachColumnPage(
    comparison,
    { columns, from },
    {
      params: [BigInt(changeset.stamp), BigInt(changeset.originNumber)],
      take({ count, columns: read }) {
        const [deltas = [], indexes = [], names = []] = read.slice(width);
        const rows = new Map<number, LifeName>();
        for (const [n, name] of names.entries()) {
          if (name instanceof Uint8Array) rows.set(n, context.shadows.bytesToRow(name));
        }
        changeset.add({
          kind: 'insert',
          table: table.name,
          columns: table.layout,
          count,
          indexes: indexes.map(Number),
          rows,
          times: deltas.map((delta) => (changeset.stamp + Number(delta ?? 0)) as Stamp),
          cellStamps: new Map(),
          values: references.translate(read.slice(0, width), read.slice(width + 3)),
        });
      },
    },
  );
}
