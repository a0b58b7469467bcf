// Goal: a mistyped name in the rules of a table is found. Method: a small schema and rules with and without mistakes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConnection } from '../connection/driver.js';
import { readSchema } from './schema-reader.js';
import { unmatchedRules, unmatchedText } from './unmatched-rules.js';
import type { TableRules } from './table-rules.js';

function told(rules: Readonly<Record<string, TableRules>>): string[] {
  const connection = openConnection(':memory:');
  try {
    connection.exec(
      'CREATE TABLE stock (id INTEGER PRIMARY KEY, Hits INTEGER, shop TEXT); CREATE TABLE shop (id INTEGER PRIMARY KEY)',
    );
    return unmatchedRules(readSchema(connection).tables, rules).map(unmatchedText);
  } finally {
    connection.close();
  }
}

test('names are compared as SQLite does, so case does not matter', () => {
  const references = [{ column: 'SHOP', table: 'Shop' }];
  assert.deepEqual(told({ STOCK: { columns: { hits: 'counter' }, references } }), []);
});

test('a table, a column, and both ends of a reference that are not here are told', () => {
  assert.deepEqual(
    told({
      stok: { exclude: true },
      stock: {
        columns: { hitz: 'counter' },
        references: [
          { column: 'shopp', table: 'shop' },
          { column: 'shop', table: 'shopss' },
        ],
      },
    }),
    [
      'there is no table stok that could be synced',
      'table stock has no column hitz',
      'table stock has no column shopp',
      'there is no table shopss that could be synced',
    ],
  );
});
