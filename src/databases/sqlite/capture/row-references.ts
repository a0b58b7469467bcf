import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import { numberInColumn } from '../../../core/reference-form.js';
import { RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import { quoteName } from '../connection/identifiers.js';
import { genesisRow } from './genesis-row.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { bytesAt, integerAt } from '../connection/row-values.js';
import { bytesToRowName } from '../stores/shadow-store.js';
import type { DrainSink } from './drain-sink.js';
import type { SyncedTable } from '../schema/synced-table.js';

/** References of a table to generated keys, as joins that give the parent's row, and the reading of what they give. */
export interface RowReferences {
  /** Joins after `r`, the application's table. */
  readonly joins: string;
  /** Columns to select, each with a comma before it. */
  readonly columns: string;
  readonly columnCount: number;
  /** Puts the row in place of the number, in the columns of a page: `values[c][i]`, joined columns from `at` on. */
  translate(page: readonly (readonly SqlValue[])[], at: number, values: (readonly SqlValue[])[]): CellColumns;
  /** One cell; undefined when the column is no such reference. */
  cell(row: readonly SqlValue[], at: number, position: number): CellValue | undefined;
}

export type CellColumns = (readonly CellValue[])[];

interface Join {
  readonly position: number;
  readonly parent: SyncedTable;
}

const perJoin = 5;

export function createRowReferences(context: ReplicaContext, table: SyncedTable, sink: DrainSink): RowReferences {
  const found = joinsOf(context, table);
  const joins = found.map(({ position, parent }, i) => {
    const value = `r.${quoteName(table.layout[position] ?? '')}`;
    const staged = sink.isStaged ? `LEFT JOIN ${sink.staged(parent).shadowSql} q${i} ON q${i}.k1 = ${value}` : '';
    return `${staged} LEFT JOIN ${parent.shadowSql} p${i} ON p${i}.k1 = ${value}
      LEFT JOIN ${parent.sql} x${i} ON x${i}.${parent.keySql[0] ?? ''} = ${value}`;
  });
  const columns = found.map(({ parent }, i) => {
    const pick = (column: string): string =>
      sink.isStaged ? `CASE WHEN q${i}.k1 IS NULL THEN p${i}.${column} ELSE q${i}.${column} END` : `p${i}.${column}`;
    return `, ${['o', 's', 'i', 'r'].map(pick).join(', ')}, x${i}.${parent.keySql[0] ?? ''}`;
  });
  const indexByPosition = new Map(found.map(({ position }, i) => [position, i]));
  const readers = found.map(({ parent }) => createReader(context, parent));
  const affinities = table.layout.map((column) => table.affinityByColumn.get(column) ?? 'BLOB');

  const cell = (row: readonly SqlValue[], at: number, position: number): CellValue | undefined => {
    const i = indexByPosition.get(position);
    if (i === undefined) return undefined;
    const value = row[position] ?? null;
    const isReference = numberInColumn(affinities[position] ?? 'BLOB', value) !== null;
    return (isReference ? readers[i]?.(row, at + i * perJoin) : null) ?? value;
  };
  return {
    joins: joins.join('\n'),
    columns: columns.join(''),
    columnCount: found.length * perJoin,
    translate(page, at, values) {
      if (found.length === 0) return values;
      const translated: CellColumns = [...values];
      for (const { position } of found) {
        translated[position] = page.map((row) => cell(row, at, position) ?? null);
      }
      return translated;
    },
    cell,
  };
}

function joinsOf(context: ReplicaContext, table: SyncedTable): Join[] {
  const joins: Join[] = [];
  for (const reference of table.schema.references) {
    const [column, ...more] = reference.columns;
    if (!reference.byRow || column === undefined || more.length > 0) continue;
    const parent = context.tables.byName(reference.parentTable);
    const position = table.positionByColumn.get(column);
    if (!parent || parent.isBag || !parent.isRowidKey || position === undefined) continue;
    if (!joins.some((join) => join.position === position)) joins.push({ position, parent });
  }
  return joins;
}

/** Reads one parent: children of one parent follow each other often, so the last one is kept. */
function createReader(
  { origins }: ReplicaContext,
  parent: SyncedTable,
): (row: readonly SqlValue[], at: number) => RowReference | null {
  let lastKey: SqlValue | undefined;
  let lastReference: RowReference | null = null;
  return (row, at) => {
    const key = row[at + 4];
    // No such row: the number dangles and travels raw.
    if (key === null || key === undefined) return null;
    if (key === lastKey) return lastReference;
    lastKey = key;
    lastReference = new RowReference(nameAt(row, at, key));
    return lastReference;
  };

  function nameAt(row: readonly SqlValue[], at: number, key: SqlValue): LifeName {
    // A row that is not adopted yet will be adopted under this name.
    if (row[at] === null) return genesisRow(parent, [key]);
    if (row[at + 3] !== null) return bytesToRowName(bytesAt(row, at + 3), origins);
    return {
      origin: origins.originOf(integerAt(row, at)),
      stamp: integerAt(row, at + 1) as Stamp,
      index: integerAt(row, at + 2),
    };
  }
}
