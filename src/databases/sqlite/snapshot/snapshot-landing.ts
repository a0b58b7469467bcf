import { type CellStamp, compareCellStamps, isUnwritten } from '../../../core/cell-stamp.js';
import type { EndBlock } from '../../../core/changeset.js';
import { rowKey, type Cell, type LifeState, type RowKey } from '../../../core/life-state.js';
import type { LifeName } from '../../../core/life.js';
import { mergeAlias } from '../../../core/merge-cells.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { AliasState, StateBlock } from '../../../core/state-block.js';
import { covers, stampIn, type VersionVector } from '../../../core/version-vector.js';
import type { SqlValue } from '../../../core/value.js';
import { createWrittenKeys, type WrittenKeys } from '../capture/written-keys.js';
import { mergeEnds } from '../merge/end-blocks.js';
import { insertNewRows, type NewRows } from '../merge/insert-blocks.js';
import { memoryOf, scopeOf, type MergeMemory } from '../merge/merge-changeset.js';
import { createRowMerger, type MergeScope, type RowMerger } from '../merge/merge-rows.js';
import { lostTables, tablesWithLostColumns, untoldTables } from '../stores/lost-tables.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { shadowColumns, stampAt, type Key } from '../stores/shadow-store.js';
import { lifeInBlock } from '../merge/state-blocks.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/** A life of the snapshot that must wait: for rows that it clashes with or references, or for a local write. */
export interface WaitingLife {
  readonly state: LifeState;
  readonly key: Key | null;
  /** It was here when it was put off: when it is gone later, an application has ended it. */
  readonly wasHere?: boolean;
}

/** Merging one snapshot, block by block (rule R9.1). Each call works inside a merging transaction of its own. */
export interface Landing {
  readonly rows: number;
  readonly conflicts: number;
  /** To be called at the start of each transaction. */
  begin(): void;
  alias(alias: AliasState): void;
  /** Lives `from` to `to` of a block. What clashes with nothing is shown at once. */
  lives(block: StateBlock, from: number, to: number): void;
  /** Lives that have waited, into the working set; settling is the caller's. */
  waiting(lives: readonly WaitingLife[]): void;
  readonly waitingLives: WaitingLife[];
  /** Lives whose rows an application has written since the last drain: they have waited for the next one. */
  written(): void;
  /** A life of the same row, or of one that it would move, was written: it waits for the next drain as well. */
  putOff(life: WaitingLife): void;
  /** What applications wrote until now is drained. */
  drained(): void;
  /** Ends what the snapshot covers and does not hold, from `after` on. Returns where to go on, null at the end. */
  endCovered(table: SyncedTable, after: Key | null): Key | null;
  endCoveredAsides(table: string): void;
  /** Leaves the page to the last transaction. Returns where to go on. */
  passOver(table: SyncedTable, after: Key | null): Key | null;
  /** Whether rows of the table were left out that an application had written, or that one of those depends on. */
  hasPassedOver(table: SyncedTable): boolean;
  /** Rows that applications have written since the last drain. */
  readonly writtenKeys: WrittenKeys;
  /** Numbers of tables whose lost rows this snapshot brings back. */
  readonly lost: ReadonlySet<number>;
  /** Numbers of tables whose lost columns it brings back. */
  readonly lostColumns: ReadonlySet<number>;
  /** Numbers of tables of which an earlier snapshot did not tell. */
  readonly untold: ReadonlySet<number>;
  readonly scope: MergeScope;
}

const endPageRows = 1000;

interface LandingWork {
  readonly context: ReplicaContext;
  readonly memory: MergeMemory;
  readonly scope: MergeScope;
  readonly merger: RowMerger;
  /** What the sender had merged. */
  readonly vector: VersionVector;
  /** What was merged here before. */
  readonly mine: VersionVector;
  /** Numbers of tables that lost rows: what the snapshot holds of them has not ended here, and what it lacks has not either. */
  readonly lost: ReadonlySet<number>;
  /** Numbers of tables of which an earlier snapshot did not tell: what this one holds of them has not ended here. */
  readonly untold: ReadonlySet<number>;
  /** Tables that held a life before the first one landed: others hold nothing that the snapshot could end or change. */
  readonly hadLives: ReadonlySet<string>;
  readonly waitingLives: WaitingLife[];
  readonly writtenLives: Map<RowKey, WaitingLife>;
  written: WrittenKeys;
  /** Tables with rows that were to end and that an application had written. */
  readonly passedOver: Set<string>;
}

export function createLanding(context: ReplicaContext, vector: VersionVector): Landing {
  const work = beginLanding(context, vector);
  const { memory, scope, waitingLives, passedOver } = work;
  let rows = 0;
  return {
    scope,
    lost: work.lost,
    untold: work.untold,
    lostColumns: covers(vector, context.origins.vector()) ? tablesWithLostColumns(context) : new Set(),
    waitingLives,
    get rows() {
      return rows;
    },
    get conflicts() {
      return scope.conflicts.count;
    },
    get writtenKeys() {
      return work.written;
    },
    begin() {
      memory.begin();
      work.written.refresh();
    },
    alias({ table, from, to, at }) {
      const current = context.aliases.find(table, from) ?? undefined;
      context.aliases.put({ table, from, ...mergeAlias(current, { to, at }).alias });
    },
    lives(block, from, to) {
      rows += to - from;
      landLives(work, block, { from, to });
    },
    waiting(lives) {
      for (const life of withoutWritten(work, lives)) mergeLife(work, life);
    },
    putOff: (life) => putOff(work, life),
    drained: () => void (work.written = createWrittenKeys(context)),
    written() {
      for (const life of work.writtenLives.values()) mergeLife(work, life);
    },
    endCovered: (table, after) => endCovered(work, table, after),
    passOver: (table, after) => passOver(work, table, after),
    hasPassedOver: (table) => passedOver.has(table.name),
    endCoveredAsides: (table) => endCoveredAsides(work, table),
  };
}

/** What the other side saw is what its vector covers. */
function beginLanding(context: ReplicaContext, vector: VersionVector): LandingWork {
  const memory = memoryOf(context);
  const by = context.origins.own();
  const base = scopeOf(context, memory, { origin: by, stamp: context.origins.clock() });
  const scope: MergeScope = {
    ...base,
    seen: {
      ...base.seen,
      hasSeen: (_: OriginId, other: OriginId, stamp: Stamp) => base.seen.isCovered(vector, other, stamp),
    },
  };
  const isWhole = covers(vector, context.origins.vector());
  const hadLives = context.tables
    .all()
    .filter(
      (table) =>
        !context.asides.isEmpty(table.name) ||
        context.connection.cached(`SELECT 1 FROM ${table.shadowSql} LIMIT 1`).get() !== undefined,
    );
  return {
    context,
    memory,
    scope,
    merger: createRowMerger(scope, by),
    vector,
    mine: context.origins.vector(),
    lost: isWhole ? lostTables(context) : new Set(),
    untold: isWhole ? untoldTables(context) : new Set(),
    hadLives: new Set(hadLives.map((table) => table.name)),
    waitingLives: [],
    writtenLives: new Map(),
    written: createWrittenKeys(context),
    passedOver: new Set(),
  };
}

/** A life that is not here and is covered has ended, but in a table that lost rows, or was not told of. */
const hasEnded = ({ mine, lost, untold }: LandingWork, table: SyncedTable | null, life: LifeName): boolean =>
  isCovered(mine, life) && !(table !== null && (lost.has(table.number) || untold.has(table.number)));

const isCovered = (of: VersionVector, { origin, stamp }: LifeName): boolean => stamp <= stampIn(of, origin);

interface Range {
  readonly from: number;
  readonly to: number;
}

function landLives(work: LandingWork, block: StateBlock, { from, to }: Range): void {
  const { context, scope, hadLives, waitingLives } = work;
  const table = context.tables.byName(block.table);
  const had = table === null || hadLives.has(table.name);
  const fresh: number[] = [];
  for (let i = from; i < to; i++) {
    const life = block.lives[i];
    if (!life) continue;
    if (had) noteLanded(context, block.table, life);
    if (isNewHere(work, { table, block, i, life, had })) fresh.push(i);
  }
  if (!table) return;
  const some = { ...rowsOf(block, fresh), isFirst: !had };
  for (const n of insertNewRows(scope, table, some)) {
    const i = fresh[n] ?? 0;
    waitingLives.push({ state: lifeInBlock(block, i), key: block.keys[i] ?? null });
  }
}

interface ArrivedLife {
  readonly table: SyncedTable | null;
  readonly block: StateBlock;
  readonly i: number;
  readonly life: LifeName;
  readonly had: boolean;
}

/** Whether the life is new here and shown there. Of the others, those that may change something wait. */
function isNewHere(work: LandingWork, { table, block, i, life, had }: ArrivedLife): boolean {
  const { context, memory, waitingLives } = work;
  const key = block.keys[i] ?? null;
  const state = (): LifeState => lifeInBlock(block, i);
  if (table && had && isWritten(work, { table, life, key })) {
    putOff(work, { state: state(), key });
    return false;
  }
  if (key === null || !table) {
    waitingLives.push({ state: state(), key });
    return false;
  }
  if (!had) {
    if (!hasEnded(work, table, life)) return true;
    recordEnded(work, state(), key);
    return false;
  }
  if (context.lives.find(table, life, key)) {
    if (!isKnown(context, table, block, i)) waitingLives.push({ state: state(), key });
    return false;
  }
  if (!hasEnded(work, table, life)) return true;
  // It has ended here, or its key was changed there.
  if (memory.rows.keyOfLife(table, life)) waitingLives.push({ state: state(), key: null });
  else recordEnded(work, state(), key);
  return false;
}

/** What was written there after this server's knowledge, into a row that has ended here: its writer loses, and is told. */
function recordEnded({ scope, mine }: LandingWork, { table, life, cells }: LifeState, key: Key | null): void {
  const isNew = ({ at }: Cell): boolean => {
    const writer = at.weak ?? at;
    return !isUnwritten(at) && !scope.seen.isCovered(mine, writer.origin, writer.stamp);
  };
  const [lost, rest] = [new Map<string, Cell>(), new Map<string, Cell>()];
  for (const [column, cell] of cells) (isNew(cell) ? lost : rest).set(column, cell);
  scope.conflicts.deleted({ table, life, key: key ?? [] }, { lost, rest }, { why: 'delete', by: null });
}

interface NamedRow {
  readonly table: SyncedTable;
  readonly life: LifeName;
  readonly key: Key | null;
}

/** The sender may have moved the row: an application has written it where it stands here. */
function isWritten({ context, memory, written }: LandingWork, { table, life, key }: NamedRow): boolean {
  if (!written.isAny(table)) return false;
  if (key !== null && written.has(table, key)) return true;
  const found = context.lives.find(table, life, key);
  const standing = found?.kind === 'shown' ? found.key : memory.rows.keyOfLife(table, life);
  return standing !== null && written.has(table, standing);
}

/** It may be here as part of another row, or hidden behind one: whoever deletes that ends this life as well. */
function putOff({ context, memory, writtenLives }: LandingWork, waiting: WaitingLife): void {
  const { life, table: name } = waiting.state;
  const table = context.tables.byName(name);
  const isHere =
    table !== null && (context.lives.find(table, life, waiting.key) ?? memory.rows.keyOfLife(table, life)) !== null;
  const row = rowKey(name, life);
  if (!writtenLives.has(row)) writtenLives.set(row, { ...waiting, wasHere: isHere });
}

/** Also what has waited may have been written since it came. */
function withoutWritten(work: LandingWork, lives: readonly WaitingLife[]): WaitingLife[] {
  const { context, hadLives } = work;
  return lives.filter((waiting) => {
    const { life, table: name } = waiting.state;
    const table = context.tables.byName(name);
    if (!table || !hadLives.has(table.name)) return true;
    if (!isWritten(work, { table, life, key: waiting.key })) return true;
    putOff(work, waiting);
    return false;
  });
}

function endCovered(work: LandingWork, table: SyncedTable, after: Key | null): Key | null {
  const { context, vector, scope, merger, hadLives, lost, passedOver, written } = work;
  if (!hadLives.has(table.name) || lost.has(table.number)) return null;
  const page = coveredPage(context, table, after);
  const covered = page.filter(({ life }) => isCovered(vector, life) && !hasLanded(context, table.name, life));
  const gone = covered.filter(({ key }) => !written.has(table, key));
  if (gone.length < covered.length) passedOver.add(table.name);
  if (gone.length > 0) mergeEnds(scope, endBlock(table, gone), merger);
  return nextPage(page);
}

function passOver({ context, passedOver }: LandingWork, table: SyncedTable, after: Key | null): Key | null {
  passedOver.add(table.name);
  return nextPage(coveredPage(context, table, after));
}

const nextPage = (page: readonly CoveredRow[]): Key | null =>
  page.length < endPageRows ? null : (page.at(-1)?.key ?? null);

function endCoveredAsides({ context, vector, merger, hadLives, lost }: LandingWork, table: string): void {
  const synced = context.tables.byName(table);
  if (synced && (!hadLives.has(synced.name) || lost.has(synced.number))) return;
  for (const { life } of [...context.asides.all(table)]) {
    if (isCovered(vector, life) && !hasLanded(context, table, life))
      merger.end(table, { life, key: null, why: 'delete', wasUnshown: false });
  }
}

function mergeLife(work: LandingWork, waiting: WaitingLife): void {
  const { context, memory, merger } = work;
  const { key, wasHere } = waiting;
  const { table, life, row, cells } = waiting.state;
  const synced = context.tables.byName(table);
  const isHere = synced ? memory.set.loadLife(synced, life, key) !== null : context.asides.find(table, life) !== null;
  if (isHere) merger.update(table, { life, key, cells: new Map(cells) });
  else if (hasEnded(work, synced, life) || wasHere === true) recordEnded(work, waiting.state, key);
  else merger.insert(table, { life, row, cells: new Map(cells) });
}

/** The life is plainly shown here with the very stamps of the snapshot, and each of these tells of one value. */
function isKnown(context: ReplicaContext, table: SyncedTable, block: StateBlock, i: number): boolean {
  const [life, at, key] = [block.lives[i], block.stamps[i], block.keys[i]];
  if (!life || !at || !key) return false;
  const shadow = context.shadows.find(table, key);
  if (!shadow || compareCellStamps(shadow.at, at) !== 0 || isOfBranch(context, at)) return false;
  const stamps = block.cellStamps.get(i);
  for (const [c, column] of block.columns.entries()) {
    const position = table.positionByColumn.get(column);
    if (position === undefined) return false;
    const told = stamps?.get(c) ?? at;
    if (compareCellStamps(stampAt(shadow, position), told) !== 0 || isOfBranch(context, told)) return false;
  }
  return true;
}

/** Two branches of a forked origin may have written two values at the same moment: their cells bear the same stamp. */
const isOfBranch = ({ strays }: ReplicaContext, { origin, stamp }: CellStamp): boolean =>
  strays.of(origin).some(({ writer, low, high }) => writer !== origin && low <= stamp && stamp <= high);

function rowsOf(block: StateBlock, chosen: readonly number[]): NewRows {
  const isWhole = chosen.length === block.count;
  const pickMap = <T>(map: ReadonlyMap<number, T>): ReadonlyMap<number, T> => {
    if (isWhole || map.size === 0) return map;
    const picked = new Map<number, T>();
    for (const [n, i] of chosen.entries()) {
      const value = map.get(i);
      if (value !== undefined) picked.set(n, value);
    }
    return picked;
  };
  const at = (n: number): number => chosen[n] ?? 0;
  return {
    columns: block.columns,
    count: chosen.length,
    values: isWhole ? block.values : block.values.map((column) => chosen.map((i) => column[i] ?? null)),
    rows: pickMap(block.rows),
    cellStamps: pickMap(block.cellStamps),
    lifeOf: (n) => block.lives[at(n)] ?? missing(block.table),
    atOf: (n) => block.stamps[at(n)] ?? missing(block.table),
    bulk: null,
  };
}

function missing(table: string): never {
  throw new RangeError(`a block of ${table} is shorter than it says`);
}

/** Which lives the snapshot holds, in the temporary database. Only kept for tables that held something before. */
export function beginLanded({ connection }: ReplicaContext): void {
  connection.exec('DROP TABLE IF EXISTS temp._usync_landed');
  connection.exec(`CREATE TEMP TABLE _usync_landed
    (tbl TEXT, stamp INTEGER, origin TEXT, place INTEGER, PRIMARY KEY (tbl, stamp, place, origin)) WITHOUT ROWID`);
}

export const endLanded = ({ connection }: ReplicaContext): void =>
  connection.exec('DROP TABLE IF EXISTS temp._usync_landed');

function noteLanded({ connection }: ReplicaContext, table: string, life: LifeName): void {
  connection
    .cached('INSERT OR IGNORE INTO temp._usync_landed (tbl, stamp, origin, place) VALUES (?, ?, ?, ?)')
    .run(table, BigInt(life.stamp), life.origin, BigInt(life.index));
}

const hasLanded = ({ connection }: ReplicaContext, table: string, life: LifeName): boolean =>
  connection
    .cached('SELECT 1 FROM temp._usync_landed WHERE tbl = ? AND stamp = ? AND place = ? AND origin = ?')
    .get(table, BigInt(life.stamp), BigInt(life.index), life.origin) !== undefined;

interface CoveredRow {
  readonly key: Key;
  readonly life: LifeName;
}

function coveredPage({ connection, shadows }: ReplicaContext, table: SyncedTable, after: Key | null): CoveredRow[] {
  const keys = shadowKeyColumns(table);
  const position = after ? `WHERE (${keys.join(', ')}) > (${keys.map(() => '?').join(', ')})` : '';
  return connection
    .cached(
      `SELECT ${keys.join(', ')}, ${shadowColumns('s')} FROM ${table.shadowSql} s ${position}
       ORDER BY ${keys.join(', ')} LIMIT ${endPageRows}`,
    )
    .allExact(...(after ?? []))
    .map((row) => ({
      key: row.slice(0, keys.length),
      life: shadows.read(row, keys.length).life,
    }));
}

const endBlock = (table: SyncedTable, gone: readonly CoveredRow[]): EndBlock => ({
  kind: 'end',
  table: table.name,
  count: gone.length,
  why: 'delete',
  lives: gone.map(({ life }) => [life]),
  keyColumns: table.schema.key,
  keys: table.isBag ? [] : table.keySql.map((_, part) => gone.map(({ key }): SqlValue => key[part] ?? null)),
});
