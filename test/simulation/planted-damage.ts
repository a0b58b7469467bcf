/** How planted bugs do their damage: at one server, unnoticed, as the defect would. */
import type { Replica } from '../../src/databases/replica.js';
import type { BugPlace, WrapReplica } from './planted-bug.js';
import { keyColumnsOf, quoteName } from './table-design.js';
import { dumpTables, type TableDump } from './table-dump.js';

/** The server with the defect. */
const bad = 1;

/** SQL at the defective server that no trigger notes, as a merge would write it. */
export function spoil({ server }: BugPlace, statements: readonly string[]): void {
  if (statements.length === 0) return;
  const { app } = server;
  try {
    app.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; UPDATE _usync_merging SET merging = 1');
    for (const sql of statements) app.exec(sql);
    app.exec('UPDATE _usync_merging SET merging = 0; COMMIT');
  } catch {
    if (app.isTransaction) app.exec('ROLLBACK');
  }
  app.exec('PRAGMA foreign_keys = ON');
}

interface Seen {
  readonly at: BugPlace;
  readonly before: readonly TableDump[];
  readonly after: readonly TableDump[];
}

/** Does something after each merge at the defective server, knowing the tables before and after it. */
export const afterMerge =
  (work: (seen: Seen) => void): WrapReplica =>
  (replica, at) => {
    if (at.server.index !== bad) return replica;
    return {
      ...replica,
      merge: async (parts) => {
        const before = dumpTables(at.server.app);
        const outcome = await replica.merge(parts);
        if (outcome.merged > 0) work({ at, before, after: dumpTables(at.server.app) });
        return outcome;
      },
    };
  };

export const onlyAtBad =
  (wrap: (replica: Replica, at: BugPlace) => Partial<Replica>): WrapReplica =>
  (replica, at) =>
    at.server.index === bad ? { ...replica, ...wrap(replica, at) } : replica;

/** Rows by key text, for the tables of the plan that have keys. */
export function keyedRows(at: BugPlace, dumps: readonly TableDump[]): Map<string, KeyedRow> {
  const rows = new Map<string, KeyedRow>();
  for (const table of at.world.plan.tables) {
    const dump = dumps.find(({ name }) => name === table.name);
    if (!dump || table.key.kind === 'bag') continue;
    const keyAt = keyColumnsOf(table).map((name) => dump.columns.indexOf(name));
    for (const row of dump.rows) {
      const where = keyAt
        .map((column) => `${quoteName(dump.columns[column] ?? '')} = ${cellSql(row[column] ?? 'null')}`)
        .join(' AND ');
      rows.set(`${table.name}: ${where}`, {
        table: table.name,
        where,
        columns: dump.columns,
        row,
        bornAt: dump.columns.indexOf(table.bornColumn),
      });
    }
  }
  return rows;
}

interface KeyedRow {
  readonly table: string;
  readonly where: string;
  readonly columns: readonly string[];
  readonly row: readonly string[];
  readonly bornAt: number;
}

function cellSql(cell: string): string {
  const at = cell.indexOf(':');
  const content = cell.slice(at + 1);
  if (cell.startsWith('text:')) return `CAST(x'${Buffer.from(content, 'latin1').toString('hex')}' AS TEXT)`;
  if (cell.startsWith('blob:')) return `x'${Buffer.from(content, 'latin1').toString('hex')}'`;
  if (cell.startsWith('real:'))
    return content.includes('Infinity') ? content.replace('Infinity', '9e999') : `CAST('${content}' AS REAL)`;
  return at < 0 ? 'NULL' : content === '-9223372036854775808' ? '(-9223372036854775807 - 1)' : content;
}

export const insertSql = ({ table, columns, row }: KeyedRow): string =>
  `INSERT OR IGNORE INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) VALUES (${row.map(cellSql).join(', ')})`;

export function removedBy({ at, before, after }: Seen): KeyedRow[] {
  const left = keyedRows(at, after);
  return [...keyedRows(at, before)].filter(([key]) => !left.has(key)).map(([, row]) => row);
}

export function addedBy({ at, before, after }: Seen): KeyedRow[] {
  const known = keyedRows(at, before);
  return [...keyedRows(at, after)].filter(([key]) => !known.has(key)).map(([, row]) => row);
}

export const setSql = ({ table, where, columns, bornAt }: KeyedRow, valueSql: string): string =>
  `UPDATE ${quoteName(table)} SET ${quoteName(columns[bornAt] ?? '')} = ${valueSql} WHERE ${where}`;

/** Rewrites the cells of one kind in every table, unnoticed. */
export const rewriteCells = (condition: (cell: string) => string, value: (cell: string) => string): WrapReplica =>
  afterMerge(({ at, after }) =>
    spoil(
      at,
      after.flatMap((dump) =>
        dump.columns.map(
          (column) =>
            `UPDATE ${quoteName(dump.name)} SET ${quoteName(column)} = ${value(quoteName(column))} WHERE ${condition(quoteName(column))}`,
        ),
      ),
    ),
  );

export const anyDifference = [
  'TABLES',
  'AUDIT',
  'DIGEST',
  'LOST',
  'UNEQUAL',
  'ENDLESS',
  'ECHO',
  'RESURRECTED',
  'INVENTED',
  'VECTORS',
  'REPLAY',
  'ERROR',
];
