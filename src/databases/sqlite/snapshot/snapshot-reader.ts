import type { CellStamp } from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { StateBlock } from '../../../core/state-block.js';
import { encodeStateChunk, type StateChunk } from '../../../core/state-codec.js';
import type { SqlValue } from '../../../core/value.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../../../core/sync-error.js';
import { compressBytes } from '../../../system/compression.js';
import type { SnapshotReader } from '../../replica.js';
import { createChunkSpool, type ChunkSpool } from './chunk-spool.js';
import { cellsOfShown, type ShownRow } from '../merge/component-loader.js';
import { tablesWithOutgrownRows } from '../capture/too-large-rows.js';
import { createDirectSink } from '../capture/drain-sink.js';
import { foldName, quoteName } from '../connection/identifiers.js';
import type { SqliteModule } from '../connection/sqlite-module.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { ReplicaContext, SnapshotSource } from '../stores/replica-context.js';
import { createRowReferences, type RowReferences } from '../capture/row-references.js';
import { exceptionsFor, shadowColumnCount, shadowColumns, type Key } from '../stores/shadow-store.js';
import { emptyBlock, lifeBlock, type PlacedLife } from '../merge/state-blocks.js';
import { tablesWithoutRows } from '../stores/lost-tables.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';
import { transact } from '../connection/transaction.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { drainFirst } from '../merge/drain-first.js';
import { capturedState, capturingLooksMax } from './captured-state.js';
import { freezeState, isWorthFreezing, type FrozenState } from './frozen-state.js';

/** Rows read at once. A page of wide rows is cut by bytes below. */
const pageRows = 1000;
/** Of each it is told how far it had seen every other one. */
const originsAtOnce = 50;
/** About what a chunk takes before it is compressed. */
const chunkBytesTarget = 256 * 1024;

export interface SnapshotOptions {
  /** Where chunks, and the copy of a database, wait: in memory, and no copy, when there is none. */
  readonly spoolFolder: string | null;
  readonly module?: SqliteModule;
  /** Takes in what applications wrote. */
  readonly capture: () => Promise<unknown>;
  /** For tests of a state that cannot be frozen. */
  readonly freeze?: typeof freezeState;
}

/**
 * The whole state at one vector, as it is now. It is spooled at once, so that no WAL grows and no copy stays while a slow
 * peer takes it. Parents come before children, rows in key order; the first chunk names every table that the snapshot
 * speaks for, and holds the histories of its origins.
 */
export async function openSnapshot(context: ReplicaContext, options: SnapshotOptions): Promise<SnapshotSource> {
  await options.capture();
  const [outgrown] = await whenFree(context.system, () => tablesWithOutgrownRows(context));
  // What others know of such a row is not here any more, so this replica cannot tell the whole state.
  if (outgrown) throw new SyncError('USYNC-1507', `a row of ${outgrown.name} has become too large to be sent`);
  const frozen = await frozenOf(context, options);
  if (frozen) return { read: () => readFrozen(frozen, options.spoolFolder) };
  const reader = await readLocked(context, options);
  return { read: () => Promise.resolve(reader) };
}

/** Null where the state is small or cannot be frozen: it is read under the lock then. */
async function frozenOf(context: ReplicaContext, options: SnapshotOptions): Promise<FrozenState | null> {
  const { spoolFolder: folder, module, capture, freeze = freezeState } = options;
  if (folder === null || !isWorthFreezing(context)) return null;
  try {
    return await freeze(context, { folder, capture, ...(module && { module }) });
  } catch (error) {
    if (errorCodeOf(error) === 'USYNC-1208') throw error;
    const text = `writers wait while a snapshot is read: ${errorMessageOf(error)}`;
    context.observe('warn', { kind: 'dataset-notice', dataset: context.dataset, code: 'snapshot-under-lock', text });
    return null;
  }
}

async function readFrozen(frozen: FrozenState, folder: string | null): Promise<SnapshotReader> {
  const { context } = frozen;
  const { system, pace } = context;
  let spool: ChunkSpool | null = null;
  let rows = 0;
  try {
    spool = createChunkSpool(folder);
    let startMs = system.monotonicMs();
    for (const piece of statePieces(context)) {
      rows += piece.rows;
      spool.add(encodeStateChunk(piece.chunk, compressBytes));
      if (system.monotonicMs() - startMs < pace.sliceMs) continue;
      // The calls of the replica go on in the same thread.
      await system.pause();
      startMs = system.monotonicMs();
    }
    return readerOf(spool, { vector: context.origins.vector(), rows });
  } catch (error) {
    spool?.close();
    throw error;
  } finally {
    frozen.close();
  }
}

async function readLocked(context: ReplicaContext, { spoolFolder, capture }: SnapshotOptions): Promise<SnapshotReader> {
  const { system, connection } = context;
  const spool = createChunkSpool(spoolFolder);
  // Where a lock is met nothing is spooled yet, so that it can be tried again.
  const readCaptured = (): Promise<SnapshotReader | null> =>
    whenFree(system, () => transact(connection, 'deferred', () => capturedState(context) && readAll(context, spool)));
  try {
    for (let look = 1; look <= capturingLooksMax; look++) {
      const reader = await readCaptured();
      if (reader) return reader;
      await capture();
    }
    return await whenFree(system, () => inTransaction(context, () => readDrained(context, spool)));
  } catch (error) {
    spool.close();
    throw error;
  }
}

/** Where applications write without a pause: nobody can between what is captured here and what is read. */
function readDrained(context: ReplicaContext, spool: ChunkSpool): SnapshotReader {
  if (hasSchemaMoved(context)) throw new SyncError('USYNC-1201', 'the schema was changed between each two looks');
  drainFirst(context);
  return readAll(context, spool);
}

function readAll(context: ReplicaContext, spool: ChunkSpool): SnapshotReader {
  let rows = 0;
  for (const piece of statePieces(context)) {
    rows += piece.rows;
    spool.add(encodeStateChunk(piece.chunk, compressBytes));
  }
  return readerOf(spool, { vector: context.origins.vector(), rows });
}

function readerOf(spool: ChunkSpool, of: Pick<SnapshotReader, 'vector' | 'rows'>): SnapshotReader {
  let next = 0;
  return {
    ...of,
    next: async () => (next < spool.count ? spool.read(next++) : null),
    close: async () => spool.close(),
  };
}

interface StatePiece {
  readonly chunk: Partial<StateChunk>;
  /** Rows in it that a table shows. */
  readonly rows: number;
}

function* statePieces(context: ReplicaContext): IterableIterator<StatePiece> {
  const memory = memoryOf(context);
  memory.begin();
  const tables = context.tables.all().toSorted((a, b) => memory.orderOf(a.name) - memory.orderOf(b.name));
  const histories = new Map(
    [...context.origins.vector().keys()].map((origin) => [origin, context.histories.of(origin)]),
  );
  const blocks = toldTables(context).map((name) => {
    const table = context.tables.byName(name);
    return emptyBlock(name, table?.schema.key ?? [], table?.layout ?? []);
  });
  yield { chunk: { blocks, histories, lost: namesOfLost(context) }, rows: 0 };
  // Of a branch that was cut at the start of its history nothing is left in the vector; its cells still bear the name.
  const origins = [...new Set([...context.origins.vector().keys(), ...context.strays.origins()])];
  for (let start = 0; start < origins.length; start += originsAtOnce) {
    const some = origins.slice(start, start + originsAtOnce);
    const seen = new Map(some.map((origin) => [origin, context.seen.of(origin)]));
    const strays = new Map(some.map((origin) => [origin, context.strays.of(origin)]));
    yield { chunk: { seen, strays }, rows: 0 };
  }
  const aliases = [...context.aliases.all()];
  for (let start = 0; start < aliases.length; start += pageRows)
    yield { chunk: { aliases: aliases.slice(start, start + pageRows) }, rows: 0 };
  for (const table of tables) {
    for (const block of shownBlocks(context, table)) yield { chunk: { blocks: [block] }, rows: block.count };
  }
  for (const name of context.asides.tables()) {
    for (const block of asideBlocks(context, name)) yield { chunk: { blocks: [block] }, rows: 0 };
  }
}

/**
 * Tables of which this replica has all rows, so that what it lacks has ended: not those that it lost, also where it has what came
 * later. Of a table that was never here, or is left out, all waits.
 */
function toldTables(context: ReplicaContext): string[] {
  const lost = tablesWithoutRows(context);
  const { tables, asides } = context;
  const names = new Map<string, string>();
  for (const name of [...asides.tables(), ...tables.leftOut().map((each) => each.name)])
    names.set(foldName(name), name);
  // A table that is here counts more than one that had its name.
  for (const { name, number } of tables.records().toSorted((a, b) => Number(a.rootPage > 0) - Number(b.rootPage > 0))) {
    if (lost.has(number)) names.delete(foldName(name));
    else names.set(foldName(name), name);
  }
  return [...names.values()];
}

function namesOfLost(context: ReplicaContext): ReadonlySet<string> {
  const lost = tablesWithoutRows(context);
  return new Set(context.tables.records().flatMap(({ name, number }) => (lost.has(number) ? [name] : [])));
}

function* asideBlocks(context: ReplicaContext, name: string): IterableIterator<StateBlock> {
  const keyColumns = context.tables.byName(name)?.schema.key ?? [];
  const byColumns = new Map<string, PlacedLife[]>();
  for (const { table, life, row, cells } of context.asides.all(name)) {
    const shape = [...cells.keys()].join('\0');
    const lives = byColumns.get(shape) ?? [];
    lives.push({ state: { table, life, row, cells }, key: null });
    byColumns.set(shape, lives);
    if (lives.length < pageRows) continue;
    yield lifeBlock(name, keyColumns, lives);
    byColumns.delete(shape);
  }
  for (const lives of byColumns.values()) yield lifeBlock(name, keyColumns, lives);
}

interface Page {
  readonly rows: readonly (readonly SqlValue[])[];
  readonly references: RowReferences;
}

/** Lives that the table shows. Those with cells kept beside the row travel in blocks of their own. */
function* shownBlocks(context: ReplicaContext, table: SyncedTable): IterableIterator<StateBlock> {
  const references = createRowReferences(context, table, createDirectSink(context));
  const keys = shadowKeyColumns(table).map((column) => `s.${column}`);
  const layout = table.layout.map((column) => `r.${quoteName(column)}`);
  const on = table.keySql.map((key, i) => `r.${key} = s.k${i + 1}`).join(' AND ');
  const sqlFrom = (position: string): string =>
    `SELECT ${[...layout, ...keys].join(', ')}, ${[shadowColumns('s'), ...references.columns].join(', ')}
     FROM (SELECT * FROM ${table.shadowSql} s ${position} ORDER BY ${keys.join(', ')} LIMIT ${pageRows}) s
     CROSS JOIN ${table.sql} r ON ${on} ${references.joins} ORDER BY ${keys.join(', ')}`;
  const next = `WHERE (${keys.join(', ')}) > (${keys.map((_, i) => `?${i + 1}`).join(', ')})`;
  let after: Key | null = null;
  for (;;) {
    const statement = context.connection.cached(sqlFrom(after ? next : ''));
    const rows: readonly (readonly SqlValue[])[] = statement.allExact(...(after ?? []));
    const last = rows.at(-1);
    if (!last) return;
    const width = table.layout.length;
    yield* blocksOfPage(context, table, { rows, references });
    after = last.slice(width, width + keys.length);
  }
}

function* blocksOfPage(context: ReplicaContext, table: SyncedTable, page: Page): IterableIterator<StateBlock> {
  const hasExtras = context.asides.hasExtraCells(table.name);
  let plain: (readonly SqlValue[])[] = [];
  let bytes = 0;
  const width = table.layout.length;
  const shadowAt = width + table.keySql.length;
  for (const row of page.rows) {
    const shadow = context.shadows.read(row, shadowAt);
    const extras = hasExtras ? context.asides.extraCells(table.name, shadow.life) : null;
    if (extras) {
      const key = row.slice(width, shadowAt);
      const shown: ShownRow = { table, key, values: row.slice(0, width), shadow };
      const { set, rows } = memoryOf(context);
      const cells = cellsOfShown(context, set, shown, rows);
      const state = { table: table.name, life: shadow.life, row: shadow.row ?? shadow.life, cells };
      yield lifeBlock(table.name, table.schema.key, [{ state, key }]);
      continue;
    }
    plain.push(row);
    bytes += bytesOf(row, width);
    if (bytes < chunkBytesTarget) continue;
    yield plainBlock(context, table, { rows: plain, references: page.references });
    [plain, bytes] = [[], 0];
  }
  if (plain.length > 0) yield plainBlock(context, table, { rows: plain, references: page.references });
}

function bytesOf(row: readonly SqlValue[], width: number): number {
  let bytes = 32;
  for (let position = 0; position < width; position++) {
    const value = row[position];
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
    else bytes += 8;
  }
  return bytes;
}

function plainBlock(context: ReplicaContext, table: SyncedTable, { rows, references }: Page): StateBlock {
  const width = table.layout.length;
  const shadowAt = width + table.keySql.length;
  const lives: LifeName[] = [];
  const names = new Map<number, LifeName>();
  const stamps: CellStamp[] = [];
  const cellStamps = new Map<number, ReadonlyMap<number, CellStamp>>();
  for (const [i, row] of rows.entries()) {
    const shadow = context.shadows.read(row, shadowAt);
    lives.push(shadow.life);
    if (shadow.row) names.set(i, shadow.row);
    stamps.push(shadow.at);
    const exceptions = shadow.columns.length < width * 4 ? exceptionsFor(shadow, width) : shadow.exceptions;
    if (exceptions) cellStamps.set(i, exceptions);
  }
  const values = table.layout.map((_, position) => rows.map((row) => row[position] ?? null));
  return {
    table: table.name,
    keyColumns: table.schema.key,
    columns: table.layout,
    count: rows.length,
    lives,
    rows: names,
    stamps,
    cellStamps,
    values: references.translate(
      values,
      references.columns.map((_, c) => rows.map((row) => row[shadowAt + shadowColumnCount + c] ?? null)),
    ),
    keys: rows.map((row) => (table.isBag ? [] : row.slice(width, shadowAt))),
  };
}
