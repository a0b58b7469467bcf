import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { numberText } from '../words/count-text.js';
import { Button } from './button.js';
import { Icon } from './icon.js';

export interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Makes the column sortable. */
  readonly order?: (row: T) => string | number;
  readonly isNumber?: boolean;
}

export interface DataTableProps<T> {
  /** What the rows are; readers hear it. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
}

interface Sorting {
  readonly column: string;
  readonly isDown: boolean;
}

const rowsAtOnce = 100;

/** A table that sorts and that a phone shows as blocks. The first cell of a row names it. */
export function DataTable<T>({ caption, columns, rows, rowKey }: DataTableProps<T>) {
  const sorting = useSignal<Sorting | null>(null);
  const shownMax = useSignal(rowsAtOnce);
  const sorted = sortedRows(rows, columns, sorting.value);
  // The roles are said again: a phone shows rows as blocks, and that would take them away.
  return (
    <div class="table-frame">
      <table class="stacking" role="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <HeadCell
                key={column.name}
                column={column}
                sorting={sorting.value}
                onSort={(next) => (sorting.value = next)}
              />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted.slice(0, shownMax.value).map((row) => (
            <tr key={rowKey(row)} role="row">
              {columns.map((column, at) => (
                <BodyCell key={column.name} column={column} row={row} isFirst={at === 0} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shownMax.value ? (
        <div class="actions">
          <Button onPress={() => (shownMax.value += rowsAtOnce)}>
            Show more ({numberText(rows.length - shownMax.value)} not shown)
          </Button>
        </div>
      ) : null}
    </div>
  );
}

interface HeadCellProps<T> {
  readonly column: Column<T>;
  readonly sorting: Sorting | null;
  readonly onSort: (next: Sorting) => void;
}

function HeadCell<T>({ column, sorting, onSort }: HeadCellProps<T>) {
  const { name, order, isNumber } = column;
  const mine = sorting?.column === name ? sorting : null;
  return (
    <th
      scope="col"
      role="columnheader"
      class={isNumber === true ? 'number' : undefined}
      aria-sort={mine === null ? undefined : mine.isDown ? 'descending' : 'ascending'}
    >
      {order === undefined ? (
        name
      ) : (
        <button type="button" class="sort" onClick={() => onSort({ column: name, isDown: mine?.isDown === false })}>
          {name}
          {mine === null ? null : <Icon name={mine.isDown ? 'down' : 'up'} />}
        </button>
      )}
    </th>
  );
}

interface BodyCellProps<T> {
  readonly column: Column<T>;
  readonly row: T;
  readonly isFirst: boolean;
}

function BodyCell<T>({ column, row, isFirst }: BodyCellProps<T>) {
  const content = column.cell(row);
  if (isFirst)
    return (
      <th scope="row" role="rowheader" data-label={column.name}>
        <div>{content}</div>
      </th>
    );
  return (
    <td role="cell" data-label={column.name} class={column.isNumber === true ? 'number' : undefined}>
      <div>{content}</div>
    </td>
  );
}

function sortedRows<T>(rows: readonly T[], columns: readonly Column<T>[], sorting: Sorting | null): readonly T[] {
  const order = columns.find(({ name }) => name === sorting?.column)?.order;
  if (order === undefined || sorting === null) return rows;
  const sorted = rows.toSorted((a, b) => compared(order(a), order(b)));
  return sorting.isDown ? sorted.toReversed() : sorted;
}

function compared(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
