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
  /** Columns to select. */
  readonly columns: readonly string[];
  /** The columns of the table with rows in the place of numbers. `joined`: what `columns` gave, column by column. */
  translate(values: Columns, joined: Columns): CellColumns;
  /** One cell; undefined when the column is no such reference. */
  cell(row: readonly SqlValue[], at: number, position: number): CellValue | undefined;
}

type Columns = readonly (readonly SqlValue[])[];
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
  const columns = found.flatMap(({ parent }, i) => {
    const pick = (column: string): string =>
      sink.isStaged ? `CASE WHEN q${i}.k1 IS NULL THEN p${i}.${column} ELSE q${i}.${column} END` : `p${i}.${column}`;
    return [...['o', 's', 'i', 'r'].map(pick), `x${i}.${parent.keySql[0] ?? ''}`];
  });
  const indexByPosition = new Map(found.map(({ position }, i) => [position, i]));
  const readers = found.map(({ parent }) => createReader(context, parent));
  const affinities = table.layout.map((column) => table.affinityByColumn.get(column) ?? 'BLOB');

  const isReference = (position: number, value: SqlValue): boolean =>
    numberInColumn(affinities[position] ?? 'BLOB', value) !== null;

  const cell = (row: readonly SqlValue[], at: number, position: number): CellValue | undefined => {
    const i = indexByPosition.get(position);
    if (i === undefined) return undefined;
    const value = row[position] ?? null;
    const from = at + i * perJoin;
    return (isReference(position, value) ? readers[i]?.((column) => row[from + column]) : null) ?? value;
  };
  return {
    joins: joins.join('\n'),
    columns,
    translate(values, joined) {
      const translated: CellColumns = [...values];
      for (const [i, { position }] of found.entries()) {
        translated[position] = (values[position] ?? []).map((value, n) => {
          const at = (column: number): SqlValue | undefined => joined[i * perJoin + column]?.[n];
          return (isReference(position, value) ? readers[i]?.(at) : null) ?? value;
        });
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

/** Reads one parent from the joined columns: children of one parent follow each other often, so the last one is kept. */
function createReader(
  { origins }: ReplicaContext,
  parent: SyncedTable,
): (joined: (column: number) => SqlValue | undefined) => RowReference | null {
  let lastKey: SqlValue | undefined;
  let lastReference: RowReference | null = null;
  return (joined) => {
    const key = joined(4);
    // No such row: the number dangles and travels raw.
    if (key === null || key === undefined) return null;
    if (key === lastKey) return lastReference;
    lastKey = key;
    lastReference = new RowReference(
      nameAt(
        [0, 1, 2, 3].map((column) => joined(column) ?? null),
        key,
      ),
    );
    return lastReference;
  };

  function nameAt(row: readonly SqlValue[], key: SqlValue): LifeName {
    // A row that is not adopted yet will be adopted under this name.
    if (row[0] === null) return genesisRow(parent, [key]);
    if (row[3] !== null) return bytesToRowName(bytesAt(row, 3), origins);
    return {
      origin: origins.originOf(integerAt(row, 0)),
      stamp: integerAt(row, 1) as Stamp,
      index: integerAt(row, 2),
    };
  }
}
