/** Transactions of a simulated application: plain SQL over its own connection, chosen by what it sees at that moment. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { applicationStatement } from './application-statements.js';
import { statementKinds, type RunOptions, type StatementKind } from './plan.js';
import type { Random } from './random.js';
import { noteReplaced, type ReplacedRows } from './replaced-rows.js';
import type { ServerTable } from './server-schema.js';
import {
  columnNamesOf,
  quoteName,
  type KeyReference,
  type SimulatedColumn,
  type SimulatedTable,
} from './table-design.js';
import { keyValueSql, ruledValueSql, writtenValueSql, type TokenSource } from './written-value.js';

export interface Application {
  readonly db: DatabaseSyncInstance;
  readonly tables: readonly ServerTable[];
  readonly tokens: TokenSource;
  readonly replaced: ReplacedRows;
  /** Told of each statement, for reading a run. */
  readonly trace: (sql: string) => void;
}

const keyDomain = 12;
const uniqueDomain = 6;
const rowsMax = 40;

/** The statements of one transaction. Statements that the database refuses (a duplicate key) are skipped, as applications do. */
export function writeStatements(
  application: Application,
  random: Random,
  given: { count: number; weights: RunOptions['statementWeights'] },
): void {
  const tables = application.tables.filter(({ isAbsent }) => !isAbsent);
  for (let number = 0; number < given.count; number++) {
    if (random.chance(0.25)) writeLog(application, random);
    const table = random.pick(tables);
    const kind = pickKind(random, given.weights);
    for (const sql of statementsOf({ ...application, table, random }, kind))
      if (!executeOn(application, table, sql)) break;
  }
}

function executeOn(application: Application, table: SimulatedTable, sql: string): boolean {
  const { db, replaced } = application;
  const run = (): boolean => execute(application, sql);
  return sql.startsWith('REPLACE') ? noteReplaced(db, { table, replaced }, run) : run();
}

function execute({ db, trace }: Application, sql: string): boolean {
  try {
    db.exec(sql);
    trace(sql);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/constraint|datatype mismatch|too big/i.test(message)) return false;
    throw new Error(`${message} in: ${sql}`, { cause: error });
  }
}

function pickKind(random: Random, weights: RunOptions['statementWeights']): StatementKind {
  let left = random.below(statementKinds.reduce((sum, kind) => sum + weights[kind], 0));
  for (const kind of statementKinds) {
    left -= weights[kind];
    if (left < 0) return kind;
  }
  return 'insert';
}

/** Both rows or none, and never before the row that was seen. */
function writeLog({ db, tokens }: Application, random: Random): void {
  const seen = applicationStatement(db, 'SELECT id FROM log_a ORDER BY rowid DESC LIMIT 1 OFFSET ?').get(
    random.below(3),
  ) as { id: string } | undefined;
  const id = tokens.next();
  db.exec(`INSERT INTO log_a VALUES ('${id}', ${seen ? `'${seen.id}'` : 'NULL'})`);
  db.exec(`INSERT INTO log_b VALUES ('${id}', NULL)`);
}

interface Target extends Application {
  readonly table: SimulatedTable;
  readonly random: Random;
}

function statementsOf(target: Target, kind: StatementKind): string[] {
  const { db, table, random } = target;
  const name = quoteName(table.name);
  const { n: rows } = applicationStatement(db, `SELECT count(*) AS n FROM ${name}`).get() as { n: number };
  const row = rows === 0 ? null : rowCondition(target, random.below(rows));
  if (row === null) return [insertSql(target, 'INSERT')];
  switch (kind) {
    case 'insert':
      return rows >= rowsMax ? [`DELETE FROM ${name} WHERE ${row}`] : [insertSql(target, 'INSERT')];
    case 'update':
      return [updateSql(target, row)];
    case 'delete':
      return [`DELETE FROM ${name} WHERE ${row}`];
    case 'replace':
      return [insertSql(target, 'REPLACE')];
    case 'upsert':
      return table.key.kind === 'bag'
        ? [updateSql(target, row)]
        : [`${insertSql(target, 'INSERT')} ON CONFLICT DO UPDATE SET ${assignments(target)}`];
    case 'change-key':
      return table.key.kind === 'bag' ? [updateSql(target, row)] : [changeKeySql(target, row)];
    case 'replace-by-delete':
      return [`DELETE FROM ${name} WHERE ${row}`, insertSql(target, 'INSERT')];
    case 'reuse-key':
      return reuseKey(target, row);
    case 'touch':
      return [`UPDATE ${name} SET ${quoteName(table.bornColumn)} = ${quoteName(table.bornColumn)}`];
    case 'update-many':
      return [
        updateSql(target, random.chance(0.5) ? '1' : `${quoteName(table.bornColumn)} LIKE '%${random.below(10)}~'`),
      ];
    case 'delete-many':
      return [
        `DELETE FROM ${name} WHERE ${random.chance(0.2) ? '1' : `${quoteName(table.bornColumn)} LIKE '%${random.below(10)}~'`}`,
      ];
  }
}

/** A condition that holds for one row, chosen by its place. */
function rowCondition({ db, table }: Target, offset: number): string | null {
  const name = quoteName(table.name);
  switch (table.key.kind) {
    case 'generated': {
      const found = applicationStatement(
        db,
        `SELECT CAST(${quoteName(table.key.column)} AS TEXT) AS id FROM ${name} ORDER BY 1 LIMIT 1 OFFSET ?`,
      ).get(offset) as { id: string } | undefined;
      return found ? `${quoteName(table.key.column)} = ${found.id}` : null;
    }
    case 'natural': {
      const columns = table.key.columns.map((column) => quoteName(column.name));
      const found = applicationStatement(
        db,
        `SELECT ${columns.map((column, at) => `quote(${column}) AS k${at}`).join(', ')} FROM ${name} ORDER BY ${columns.join(', ')} LIMIT 1 OFFSET ?`,
      ).get(offset) as Record<string, string> | undefined;
      return found ? columns.map((column, at) => `${column} = ${found[`k${at}`] ?? 'NULL'}`).join(' AND ') : null;
    }
    case 'bag':
      return `rowid = (SELECT rowid FROM ${name} ORDER BY ${quoteName(table.bornColumn)}, rowid LIMIT 1 OFFSET ${offset})`;
  }
}

function insertSql(target: Target, verb: 'INSERT' | 'REPLACE', keySql?: readonly string[]): string {
  const { table, random, tokens } = target;
  const keys = keySql ?? newKey(target);
  const values = [
    ...keys,
    `'${tokens.next()}'`,
    ...table.columns.map((column) => columnValueSql(target, column)),
    ...table.references.map((reference) => parentSql(target, reference.parent)),
    ...declaredSql(target),
    ...(table.keyReferences ?? []).flatMap((reference) => parentKeySql(target, reference)),
  ];
  // Applications often leave out columns.
  const names = columnNamesOf(table);
  const kept = names.map((_, at) => at <= keys.length || at < keys.length + 1 || random.chance(0.85));
  const pick = (items: readonly string[]): string => items.filter((_, at) => kept[at]).join(', ');
  return `${verb} INTO ${quoteName(table.name)} (${pick(names.map(quoteName))}) VALUES (${pick(values)})`;
}

function newKey({ table, random }: Target): string[] {
  switch (table.key.kind) {
    case 'generated':
      return [random.chance(0.75) ? 'NULL' : String(random.between(1, 2 * keyDomain))];
    case 'natural':
      return table.key.columns.map((column) =>
        keyValueSql(random, column.type, table.key.kind === 'natural' && table.key.columns.length > 1 ? 4 : keyDomain),
      );
    case 'bag':
      return [];
  }
}

function columnValueSql({ random, tokens }: Target, column: SimulatedColumn): string {
  if (column.rule) return ruledValueSql(random, tokens, column.rule);
  if (column.isUnique === true) return random.chance(0.2) ? 'NULL' : `'u${random.below(uniqueDomain)}'`;
  if (column.isOfUnique === true)
    return random.chance(0.2) ? 'NULL' : `'${random.chance(0.5) ? 'u' : 'U'}${random.below(uniqueDomain)}'`;
  const value = writtenValueSql(random, tokens, 0.25);
  return column.isNotNull && value === 'NULL' ? "'none'" : value;
}

function parentSql({ random, tables }: Target, parent: number): string {
  const table = tables[parent];
  if (!table || table.key.kind !== 'generated' || random.chance(0.15)) return 'NULL';
  const name = quoteName(table.name);
  return `(SELECT ${quoteName(table.key.column)} FROM ${name} ORDER BY 1 LIMIT 1 OFFSET (SELECT ${random.below(1000)} % max(count(*), 1) FROM ${name}))`;
}

/** Numbers of rows that are there, one or several in a text. */
const declaredSql = (target: Target): string[] =>
  (target.table.declared ?? []).map(({ parent, list }) => {
    const number = parentSql(target, parent);
    const table = target.tables[parent];
    if (list === undefined || number === 'NULL' || table?.key.kind !== 'generated') return number;
    const gather = list === 'json' ? 'json_group_array(id)' : `group_concat(id, ',')`;
    const offset = target.random.below(3);
    return `(SELECT ${gather} FROM (SELECT ${quoteName(table.key.column)} AS id FROM ${quoteName(table.name)} ORDER BY 1 DESC LIMIT ${target.random.between(1, 3)} OFFSET ${offset}))`;
  });

/** The key of a row that is there, column by column. */
function parentKeySql({ random, tables }: Target, { columns, parent }: KeyReference): string[] {
  const table = tables[parent];
  if (table?.key.kind !== 'natural' || random.chance(0.15)) return columns.map(() => 'NULL');
  const name = quoteName(table.name);
  const order = table.key.columns.map((column) => quoteName(column.name));
  const which = random.below(1000);
  return order.map(
    (column) =>
      `(SELECT ${column} FROM ${name} ORDER BY ${order.join(', ')} LIMIT 1 OFFSET (SELECT ${which} % max(count(*), 1) FROM ${name}))`,
  );
}

function assignments(target: Target): string {
  const { table, random } = target;
  const all = [
    ...table.columns.map((column) => assignment(target, column)),
    ...table.references.map((reference) => `${quoteName(reference.column)} = ${parentSql(target, reference.parent)}`),
    ...declaredSql(target).map((value, at) => `${quoteName(table.declared?.[at]?.column ?? '')} = ${value}`),
    ...(table.keyReferences ?? []).map(
      (reference) =>
        `(${reference.columns.map(quoteName).join(', ')}) = (${parentKeySql(target, reference).join(', ')})`,
    ),
  ];
  const some = all.filter(() => random.chance(0.5));
  return (some.length > 0 ? some : [random.pick(all)]).join(', ');
}

/** A counter is mostly counted on, and never set to what is no number. */
function assignment(target: Target, column: SimulatedColumn): string {
  const { random } = target;
  const name = quoteName(column.name);
  if (column.rule !== 'counter') return `${name} = ${columnValueSql(target, column)}`;
  const number = random.between(-5, 20);
  return random.chance(0.75) ? `${name} = coalesce(${name}, 0) + ${number}` : `${name} = ${number}`;
}

const updateSql = (target: Target, row: string): string =>
  `UPDATE ${quoteName(target.table.name)} SET ${assignments(target)} WHERE ${row}`;

function changeKeySql(target: Target, row: string): string {
  const { table, random } = target;
  const columns =
    table.key.kind === 'generated'
      ? [table.key.column]
      : table.key.kind === 'natural'
        ? table.key.columns.map((column) => column.name)
        : [];
  const values = table.key.kind === 'generated' ? [String(random.between(1, 3 * keyDomain))] : newKey(target);
  const sets = columns.map((column, at) => `${quoteName(column)} = ${values[at] ?? 'NULL'}`);
  if (random.chance(0.3)) sets.push(assignments(target));
  return `UPDATE ${random.chance(0.3) ? 'OR REPLACE ' : ''}${quoteName(table.name)} SET ${sets.join(', ')} WHERE ${row}`;
}

/** Deletes a row and inserts another at its key, in one transaction or over two. */
function reuseKey(target: Target, row: string): string[] {
  const { db, table, random } = target;
  const name = quoteName(table.name);
  if (table.key.kind === 'bag') return [`DELETE FROM ${name} WHERE ${row}`];
  const columns = table.key.kind === 'generated' ? [table.key.column] : table.key.columns.map((column) => column.name);
  const found = db
    .prepare(
      `SELECT ${columns.map((column, at) => `quote(${quoteName(column)}) AS k${at}`).join(', ')} FROM ${name} WHERE ${row}`,
    )
    .get() as Record<string, string> | undefined;
  const insert = insertSql(
    target,
    random.chance(0.5) ? 'INSERT' : 'REPLACE',
    columns.map((_, at) => found?.[`k${at}`] ?? 'NULL'),
  );
  return [`DELETE FROM ${name} WHERE ${row}`, insert];
}
