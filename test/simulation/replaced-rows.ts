/** Rows that one statement put at the keys of others. What a transaction did to a row before it was replaced is not seen at its end. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { applicationStatement } from './application-statements.js';
import { keyColumnsOf, quoteName, type SimulatedTable } from './table-design.js';

/** Births of rows, as cell texts, by the births of those that were put at their keys. */
export type ReplacedRows = Map<string, string>;

/** Runs a `REPLACE` on the table and notes what it replaced. Rows that went through another unique are not of one key: they are deleted. */
export function noteReplaced(
  db: DatabaseSyncInstance,
  { table, replaced }: { readonly table: SimulatedTable; readonly replaced: ReplacedRows },
  run: () => boolean,
): boolean {
  if (table.key.kind === 'bag') return run();
  const before = keysByBirth(db, table);
  const isDone = run();
  const after = keysByBirth(db, table);
  const gone = [...before].filter(([birth]) => !after.has(birth));
  for (const birth of after.keys())
    for (const [former, key] of before.has(birth) ? [] : gone)
      if (standsAt(db, table, { birth, key })) replaced.set(`text:${birth}`, `text:${former}`);
  return isDone;
}

function keysByBirth(db: DatabaseSyncInstance, table: SimulatedTable): Map<string, string[]> {
  const columns = keyColumnsOf(table);
  const keys = columns.map((column, at) => `quote(${quoteName(column)}) AS k${at}`).join(', ');
  const select = `SELECT ${quoteName(table.bornColumn)} AS birth, ${keys} FROM ${quoteName(table.name)}`;
  const rows = applicationStatement(db, select).all() as Record<string, string>[];
  return new Map(rows.map((row) => [String(row['birth']), columns.map((_, at) => row[`k${at}`] ?? 'NULL')]));
}

/** The database compares: keys of one row may be written in several ways. */
function standsAt(
  db: DatabaseSyncInstance,
  table: SimulatedTable,
  { birth, key }: { readonly birth: string; readonly key: readonly string[] },
): boolean {
  const isAt = keyColumnsOf(table).map((column, at) => `${quoteName(column)} = ${key[at] ?? 'NULL'}`);
  const isBorn = `${quoteName(table.bornColumn)} = '${birth}'`;
  return (
    db.prepare(`SELECT 1 FROM ${quoteName(table.name)} WHERE ${[isBorn, ...isAt].join(' AND ')}`).get() !== undefined
  );
}
