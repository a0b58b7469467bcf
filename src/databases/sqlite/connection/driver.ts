/**
 * A synchronous connection to one SQLite file. Rows are arrays in column order; integers are always bigint, reals
 * number, so 1 and 1.0 stay apart both ways. Whatever a driver throws arrives as `SyncError` (locked: USYNC-1201, see
 * `isLocked`) or, where the schema refused a row, as `ConstraintFailure`.
 */
import { RawText, type SqlValue } from '../../../core/value.js';
import { exactRow, suspiciousColumns, withTextBytes } from './exact-text.js';
import { withTextCasts } from './placeholders.js';
import { ConstraintFailure, failureOf } from './sqlite-failure.js';
import {
  loadSqliteModule,
  type ModuleDatabase,
  type ModuleStatement,
  type ModuleValue,
  type SqliteModule,
} from './sqlite-module.js';
import { isRawTextPossible, textBytes, type TextEncodingName } from './text-encoding.js';

/** A value as plain reads give it: text that is not UTF-8 holds U+FFFD in the place of what could not be read. */
export type PlainValue = ModuleValue;
export type PlainRow = PlainValue[];

export interface RunResult {
  /** Rows that the statement itself inserted, updated or deleted; not those of triggers. */
  readonly changes: number;
  readonly lastRowid: bigint;
}

/**
 * Parameters are bound to `?` in order (or `?NNN`). `RawText` and text with NUL are bound exactly, whatever the driver.
 * One statement may not be run again while an `iterate` of it is open.
 */
export interface Statement {
  readonly sql: string;
  run(...params: readonly SqlValue[]): RunResult;
  get(...params: readonly SqlValue[]): PlainRow | undefined;
  all(...params: readonly SqlValue[]): PlainRow[];
  iterate(...params: readonly SqlValue[]): IterableIterator<PlainRow>;
  /** As `all`, with `RawText` for text that is not UTF-8. Costs a second read only where U+FFFD was seen. SELECT only. */
  allExact(...params: readonly SqlValue[]): SqlValue[][];
  getExact(...params: readonly SqlValue[]): SqlValue[] | undefined;
}

export interface Connection {
  readonly location: string;
  /** Which module it stands on, for the doctor. */
  readonly driver: string;
  readonly isOpen: boolean;
  readonly isInTransaction: boolean;
  /** Compiled when it is first run: of the many statements that stores hold, few are needed in one opening. */
  prepare(sql: string): Statement;
  /** Compiles only, and throws where SQLite cannot. */
  check(sql: string): void;
  /** A prepared statement kept for the next call with the same text; the least used of many are dropped. */
  cached(sql: string): Statement;
  exec(sql: string): void;
  /** Ends an open transaction by rolling it back. Closing twice is allowed. */
  close(): void;
}

export interface ConnectOptions {
  readonly isReadOnly?: boolean;
  /** How long a statement may wait for a lock, blocking this thread. Default 0: callers try again by timer. */
  readonly busyTimeoutMs?: number;
  readonly module?: SqliteModule;
}

const cachedStatementsMax = 1000;

/** Opens a file, or `:memory:`. Creates a missing file: `open-database.ts` checks first, this does not. */
export function openConnection(location: string, options: ConnectOptions = {}): Connection {
  const module = options.module ?? loadSqliteModule();
  const isReadOnly = options.isReadOnly ?? false;
  const database = opened(location, () => module.open(location, { isReadOnly }));
  database.exec(`PRAGMA busy_timeout = ${Math.trunc(options.busyTimeoutMs ?? 0)}`);
  return createConnection(location, module, database);
}

function createConnection(location: string, module: SqliteModule, database: ModuleDatabase): Connection {
  const cache = new Map<string, Statement>();
  let encoding: TextEncodingName | undefined;

  const connection: Connection = {
    location,
    driver: module.name,
    get isOpen() {
      return database.isOpen;
    },
    get isInTransaction() {
      return database.isTransaction;
    },
    prepare: (sql) =>
      createStatement(sql, () => compile(database, sql), {
        connection,
        cutsTextAtNul: cutsTextAtNul(module),
        encoding: encodingOf,
      }),
    check: (sql) => void compile(database, sql),
    cached(sql) {
      const known = cache.get(sql);
      if (known) {
        // Moved to the end, so that the first one is the one that was not used for longest.
        cache.delete(sql);
        cache.set(sql, known);
        return known;
      }
      const statement = connection.prepare(sql);
      cache.set(sql, statement);
      if (cache.size > cachedStatementsMax) for (const oldest of cache.keys()) return (cache.delete(oldest), statement);
      return statement;
    },
    exec: (sql) => guarded(sql, () => database.exec(sql)),
    close() {
      cache.clear();
      if (database.isOpen) database.close();
    },
  };

  function encodingOf(): TextEncodingName {
    encoding ??= String(connection.prepare('PRAGMA encoding').get()?.[0]) as TextEncodingName;
    return encoding;
  }
  return connection;
}

function compile(database: ModuleDatabase, sql: string): ModuleStatement {
  const statement = guarded(sql, () => database.prepare(sql));
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement;
}

interface StatementContext {
  readonly connection: Connection;
  readonly cutsTextAtNul: boolean;
  encoding(): TextEncodingName;
}

function createStatement(sql: string, compiled: () => ModuleStatement, context: StatementContext): Statement {
  let known: ModuleStatement | null = null;
  const inner = (): ModuleStatement => (known ??= compiled());
  const { connection, cutsTextAtNul: checksNul } = context;
  function isPlain(params: readonly SqlValue[]): params is ModuleValue[] {
    for (const value of params) if (mustBeCast(value, checksNul)) return false;
    return true;
  }

  /** The same statement with casts where these parameters need them, and the parameters as bytes. */
  function cast(params: readonly SqlValue[]): { statement: Statement; plain: ModuleValue[] } {
    const positions = new Set<number>();
    const plain = params.map((value, position): ModuleValue => {
      if (!mustBeCast(value, checksNul)) return value;
      positions.add(position);
      return bytesOfText(value, context.encoding());
    });
    return { statement: connection.cached(withTextCasts(sql, positions)), plain };
  }

  const statement: Statement = {
    sql,
    run(...params) {
      if (!isPlain(params)) {
        const { statement: other, plain } = cast(params);
        return other.run(...plain);
      }
      try {
        const { changes, lastInsertRowid } = inner().run(...params);
        return { changes: Number(changes), lastRowid: BigInt(lastInsertRowid) };
      } catch (error) {
        throw failureOf(error, statementText(sql));
      }
    },
    get(...params) {
      if (isPlain(params)) return guarded(sql, () => inner().get(...params));
      const { statement: other, plain } = cast(params);
      return other.get(...plain);
    },
    all(...params) {
      if (isPlain(params)) return guarded(sql, () => inner().all(...params));
      const { statement: other, plain } = cast(params);
      return other.all(...plain);
    },
    iterate(...params) {
      if (isPlain(params)) return guardedRows(sql, () => inner().iterate(...params));
      const { statement: other, plain } = cast(params);
      return other.iterate(...plain);
    },
    allExact: (...params) => exactRows(statement, params, context),
    getExact: (...params) => {
      const row = statement.get(...params);
      if (!row || suspiciousColumns([row]).size === 0) return row;
      return exactRows(statement, params, context)[0];
    },
  };
  return statement;
}

/** Reads again until no column that was read plainly is suspicious: between two reads another program may write. */
function exactRows(statement: Statement, params: readonly SqlValue[], context: StatementContext): SqlValue[][] {
  let rows: PlainRow[] = statement.all(...params);
  const columnCount = rows[0]?.length ?? 0;
  const wrapped = new Set<number>();
  for (;;) {
    const fresh = [...suspiciousColumns(rows)].filter((column) => column < columnCount && !wrapped.has(column));
    if (fresh.length === 0 || !isRawTextPossible(context.encoding())) break;
    for (const column of fresh) wrapped.add(column);
    rows = context.connection.cached(withTextBytes(statement.sql, columnCount, [...wrapped])).all(...params);
  }
  if (wrapped.size === 0) return rows;
  return rows.map((row) => exactRow(row, columnCount, [...wrapped]));
}

const mustBeCast = (value: SqlValue, checksNul: boolean): value is string | RawText =>
  (typeof value === 'object' && value instanceof RawText) ||
  (checksNul && typeof value === 'string' && value.includes('\0'));

function bytesOfText(value: string | RawText, encoding: TextEncodingName): Uint8Array {
  if (typeof value === 'string') return textBytes(value, encoding);
  if (isRawTextPossible(encoding)) return value.bytes;
  throw new ConstraintFailure(
    'datatype',
    `text that is not UTF-8 has no place in a database with encoding ${encoding}`,
  );
}

// Weak: who makes modules of its own, as tests do, would keep all that they know of.
const cutsByModule = new WeakMap<SqliteModule, boolean>();

/** Some versions of the package bind text only up to its first NUL. Found by trying, once. */
function cutsTextAtNul(module: SqliteModule): boolean {
  const known = cutsByModule.get(module);
  if (known !== undefined) return known;
  const database = module.open(':memory:', { isReadOnly: false });
  const statement = database.prepare('SELECT length(CAST(? AS BLOB))');
  statement.setReturnArrays(true);
  const cuts = Number(statement.get('a\0b')?.[0]) !== 3;
  database.close();
  cutsByModule.set(module, cuts);
  return cuts;
}

function opened(location: string, open: () => ModuleDatabase): ModuleDatabase {
  try {
    return open();
  } catch (error) {
    throw failureOf(error, `cannot open ${location}`);
  }
}

function guarded<T>(sql: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failureOf(error, statementText(sql));
  }
}

function* guardedRows(sql: string, open: () => IterableIterator<PlainRow>): IterableIterator<PlainRow> {
  try {
    yield* open();
  } catch (error) {
    throw failureOf(error, statementText(sql));
  }
}

/** The start of a statement, on one line: our own texts hold no values, so this is safe to show. */
const statementText = (sql: string): string => `"${sql.slice(0, 120).replaceAll(/\s+/g, ' ').trim()}" failed`;
