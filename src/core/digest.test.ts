import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tablesNotCompared, tablesThatDiffer } from './digest.js';

const digestOf = (sums: Readonly<Record<string, number>>) =>
  new Map(Object.entries(sums).map(([table, sum]) => [table, { rows: 1, sum }]));

test('a table that is left out hides no other whose name begins the same', () => {
  const tables = ['order', 'order items', 'order-log', 'orders', 'note'];
  const here = digestOf(Object.fromEntries(tables.map((table) => [table, 1])));
  const there = digestOf(Object.fromEntries(tables.map((table) => [table, 2])));
  assert.deepEqual(tablesThatDiffer(here, there), tables.toSorted());
  const leftOut = ['order items: it is a view', 'order-log: left out', 'orders.note: the column is not here'];
  assert.deepEqual(tablesThatDiffer(here, there, leftOut), ['note', 'order']);
});

test('a table that one side dropped or calls otherwise is not compared, and named while it has rows', () => {
  const here = new Map([
    ['orders', { rows: 1, sum: 1, columns: 5 }],
    ['items', { rows: 0, sum: 0, columns: 7 }],
  ]);
  const there = new Map([['purchases', { rows: 1, sum: 1, columns: 5 }]]);
  assert.deepEqual(tablesThatDiffer(here, there), []);
  assert.deepEqual(tablesNotCompared(here, there), ['orders', 'purchases']);
  assert.deepEqual(tablesThatDiffer(digestOf({ orders: 1 }), digestOf({})), ['orders']);
});

test('tables that both sides have with other columns are not compared, and named', () => {
  const here = new Map([
    ['orders', { rows: 1, sum: 1, columns: 5 }],
    ['items', { rows: 1, sum: 1, columns: 7 }],
    ['notes', { rows: 1, sum: 1, columns: 8 }],
  ]);
  const there = new Map([
    ['orders', { rows: 1, sum: 2, columns: 6 }],
    ['items', { rows: 1, sum: 1, columns: 7 }],
    ['notes', { rows: 1, sum: 2, columns: 9 }],
  ]);
  assert.deepEqual(tablesThatDiffer(here, there), []);
  assert.deepEqual(tablesNotCompared(here, there, ['notes.place: it is left out here']), ['orders']);
  const waits = ['notes: the table is not here', 'orders.note: the column is not here'];
  assert.deepEqual(tablesNotCompared(here, there, waits), ['notes', 'orders']);
});
