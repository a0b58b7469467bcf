import type { Connection } from '../databases/sqlite/connection/driver.js';
import { openDatabase } from '../databases/sqlite/connection/open-database.js';
import { quoteName } from '../databases/sqlite/connection/identifiers.js';
import { readSchema } from '../databases/sqlite/schema/schema-reader.js';
import type { DiscoveredTable } from '../databases/sqlite/schema/discovered-table.js';
import type { WorkProgress } from '../engine/work-progress.js';
import type { TableRules } from '../databases/sqlite/schema/table-rules.js';
import { unmatchedRules, unmatchedText, type UnmatchedRule } from '../databases/sqlite/schema/unmatched-rules.js';
import { closestName } from '../config/closest-name.js';
import { counterAdvice, type CounterAdvice } from './schema-advice.js';
import { countText, printable, tableLines } from './terminal.js';

/** What would be captured of one database; found by reading it, nothing is changed. */
export interface DatabasePlan {
  readonly path: string;
  readonly journalMode: string;
  readonly tables: readonly TablePlan[];
  /** Columns that triggers count: the rule `counter` suits them. */
  readonly counters: readonly CounterAdvice[];
  /** Rules that name what is not here, in words. */
  readonly unmatched: readonly string[];
}

export interface TablePlan {
  readonly name: string;
  readonly rows: number;
  readonly key: string;
  /** Rows with NULL in the key: they would stay here. */
  readonly keyless: number;
  /** Why it cannot be synced; null when it can. */
  readonly obstacle: string | null;
}

/** How far `planDatabase` is, as long work is told. */
export const countingProgress = (
  dataset: string,
  { table, done, total }: { readonly table: string; readonly done: number; readonly total: number },
): WorkProgress => ({ text: `${dataset}: counting the rows of ${table}.`, done, total, unit: 'tables' });

export interface PlanTools {
  readonly rules?: Readonly<Record<string, TableRules>>;
  /** Before each table, whose rows are counted one by one. */
  readonly onTable?: (name: string, done: number, total: number) => void;
}

/** Throws a `SyncError` for a database that cannot be opened: missing, locked, read-only, encrypted, corrupt. */
export function planDatabase(path: string, { rules = {}, onTable }: PlanTools = {}): DatabasePlan {
  const opened = openDatabase(path, { isReadOnly: true });
  try {
    const { tables } = readSchema(opened.connection);
    return {
      path,
      journalMode: opened.journalMode,
      tables: tables.map((table, at) => {
        onTable?.(table.name, at, tables.length);
        return planTable(opened.connection, table);
      }),
      counters: counterAdvice(tables, rules),
      unmatched: unmatchedRules(tables, rules).map(adviceOn),
    };
  } finally {
    opened.connection.close();
  }
}

const planTable = (connection: Connection, table: DiscoveredTable): TablePlan => ({
  name: table.name,
  rows: Number(connection.prepare(`SELECT count(*) FROM ${quoteName(table.name)}`).get()?.[0] ?? 0),
  key: keyText(table.schema.keyKind, table.schema.key),
  keyless: keylessRows(connection, table),
  obstacle: table.obstacle,
});

/** A rule that names what is not here, with what was probably meant. */
export function adviceOn(rule: UnmatchedRule): string {
  const meant = closestName(rule.column ?? rule.table, rule.known);
  return `${unmatchedText(rule)}${meant === null ? '' : `; did you mean "${meant}"?`}`;
}

/** SQLite allows NULL in keys that are not declared NOT NULL. */
export function keylessRows(connection: Connection, { name, key }: DiscoveredTable): number {
  if (!key.some(({ canBeNull }) => canBeNull)) return 0;
  const isNull = key.map((column) => `${quoteName(column.name)} IS NULL`).join(' OR ');
  return Number(connection.prepare(`SELECT count(*) FROM ${quoteName(name)} WHERE ${isNull}`).get()?.[0] ?? 0);
}

const keyText = (kind: string, key: readonly string[]): string =>
  kind === 'bag'
    ? 'none: rows are compared by content'
    : `${key.map((name) => printable(name)).join(', ')}${kind === 'generated' ? ' (generated)' : ''}`;

const keyAndRemark = ({ key, keyless }: TablePlan): string =>
  keyless === 0 ? `key ${key}` : `key ${key}; NOT SYNCED: ${countText(keyless, 'row')} with NULL in the key`;

export function planLines(name: string, plan: DatabasePlan): string[] {
  const synced = plan.tables.filter(({ obstacle }) => obstacle === null);
  const rows = synced.reduce((sum, table) => sum + table.rows, 0);
  const lines = [
    `${printable(name)}: ${printable(plan.path)}, ${countText(synced.length, 'table')}, ${countText(rows, 'row')}, journal mode ${plan.journalMode}`,
  ];
  lines.push(
    ...tableLines(
      plan.tables.map((table) => [
        `  ${printable(table.name)}`,
        countText(table.rows, 'row'),
        table.obstacle === null ? keyAndRemark(table) : `NOT SYNCED: ${printable(table.obstacle)}`,
      ]),
    ),
  );
  for (const { table, column, trigger } of plan.counters)
    lines.push(
      `  Trigger ${printable(trigger)} counts ${printable(table)}.${printable(column)}: when two servers count at once, one count is lost.`,
      `  To add them up: tables: { ${printable(table)}: { columns: { ${printable(column)}: counter } } }`,
    );
  for (const text of plan.unmatched) lines.push(`  RULE WITHOUT EFFECT: ${printable(text)}`);
  if (plan.journalMode !== 'wal')
    lines.push(
      '  Readers and writers exclude each other in this journal mode. WAL syncs faster: PRAGMA journal_mode = WAL, once, while nothing runs.',
    );
  return lines;
}
