import { lifeText } from '../../../core/life.js';
import { shownInColumn } from '../../../core/reference-form.js';
import type { StateBlock } from '../../../core/state-block.js';
import type { StateChunk } from '../../../core/state-codec.js';
import { RowReference, isSameValue, type SqlValue } from '../../../core/value.js';
import type { AdoptionChoice, AdoptionPreview, AdoptionTablePreview } from '../../replica.js';
import { createRowComparison } from '../capture/row-comparison.js';
import { quoteNames } from '../connection/identifiers.js';
import { integerAt } from '../connection/row-values.js';
import { transact } from '../connection/transaction.js';
import { isParent } from '../merge/table-calm.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { pause, whenFree } from '../stores/store-transaction.js';
import { rowAt } from './row-at.js';
import { createRowKinship, type Kinship, type RowKinship, type ShownRow } from './row-kinship.js';
import { noRowsApart, type RowsApart } from '../stores/rows-apart.js';

/** What the comparison of a snapshot with the rows here has found. */
export interface MeasuredAdoption {
  readonly preview: AdoptionPreview;
  /** Which rows are other rows than the group's, by what a person chose, if anything. */
  readonly rowsApart: (choice: AdoptionChoice) => RowsApart;
}

interface TableCount {
  same: number;
  differing: number;
  onlyThere: number;
  /** The highest number whose rows are the same on both sides. */
  common: bigint | null;
}

interface Measuring {
  readonly context: ReplicaContext;
  readonly kinship: RowKinship;
  readonly counts: Map<string, TableCount>;
  /** Per bag, how many rows here are not yet found in the snapshot, by the hash of their content. */
  readonly bags: Map<string, Map<number, number>>;
}

/**
 * Counts rows by key, table by table, in pages with pauses. Numbers of parents are compared as they are: exact once the
 * parents agree. What must be remembered of single rows stands in temporary tables.
 */
export async function measureAdoption(
  context: ReplicaContext,
  chunks: Iterable<StateChunk>,
): Promise<MeasuredAdoption> {
  const measuring: Measuring = { context, kinship: createRowKinship(context), counts: new Map(), bags: new Map() };
  const { connection, system, pace } = context;
  await whenFree(system, () => createTables(context));
  try {
    for (const chunk of chunks) {
      for (const block of chunk.blocks) {
        const table = context.tables.byName(block.table);
        if (!table) continue;
        for (let from = 0; from === 0 || from < block.count; from += pace.rowsAtOnce) {
          const page: Page = { table, block, from, to: Math.min(from + pace.rowsAtOnce, block.count) };
          const startMs = system.monotonicMs();
          const found = await whenFree(system, () =>
            transact(connection, 'deferred', () => (table.isBag ? measureBag : measurePage)(measuring, page)),
          );
          measuring.counts.set(table.name, found);
          const heldMs = system.monotonicMs() - startMs;
          if (heldMs > pace.sliceMs) await pause(system, pace.pauseMs(heldMs));
        }
      }
    }
    return await whenFree(system, () => conclude(measuring));
  } finally {
    dropTables(context);
  }
}

interface Page {
  readonly table: SyncedTable;
  readonly block: StateBlock;
  readonly from: number;
  readonly to: number;
}

/** Rows of bags are the same when their content is. What is found counts when the page is done: it may be begun again. */
function measureBag(measuring: Measuring, { table, block, from, to }: Page): TableCount {
  const count = countsOf(measuring, table);
  const comparison = createRowComparison(table);
  const bag = measuring.bags.get(table.name) ?? bagHere(measuring.context, table);
  const found = new Map<number, number>();
  for (let i = from; i < to; i++) {
    if (!block.keys[i]) continue;
    const theirs = shownRow(measuring, table, block, i).flatMap((value) => (value === undefined ? [] : [value]));
    const hash = theirs.length === table.layout.length ? comparison.hash(theirs) : null;
    const before = hash === null ? 0 : (found.get(hash) ?? 0);
    if (hash === null || before >= (bag.get(hash) ?? 0)) {
      count.onlyThere++;
      continue;
    }
    count.same++;
    found.set(hash, before + 1);
  }
  for (const [hash, rows] of found) bag.set(hash, (bag.get(hash) ?? 0) - rows);
  measuring.bags.set(table.name, bag);
  return count;
}

function bagHere({ connection }: ReplicaContext, table: SyncedTable): Map<number, number> {
  const comparison = createRowComparison(table);
  const bag = new Map<number, number>();
  for (const row of connection.cached(`SELECT ${quoteNames(table.layout)} FROM ${table.sql}`).allExact()) {
    const hash = comparison.hash(row);
    bag.set(hash, (bag.get(hash) ?? 0) + 1);
  }
  return bag;
}

const countsOf = ({ counts }: Measuring, { name }: SyncedTable): TableCount => ({
  ...(counts.get(name) ?? { same: 0, differing: 0, onlyThere: 0, common: null }),
});

/** The table's counts with those of the page. Writes nothing but temporary tables, so that it can be done again. */
function measurePage(measuring: Measuring, { table, block, from, to }: Page): TableCount {
  const { context, kinship } = measuring;
  const count = countsOf(measuring, table);
  const isGenerated = table.schema.keyKind === 'generated';
  const areParents = isParent(context, table);
  for (let i = from; i < to; i++) {
    const key = block.keys[i];
    if (!key) continue;
    if (areParents) noteNumber(context, table, { block, i, number: key[0] ?? null });
    const here = rowAt(context, table, key);
    if (!here) {
      count.onlyThere++;
      continue;
    }
    const theirs = shownRow(measuring, table, block, i);
    const [number] = key;
    if (isEqualRow(here, theirs)) {
      count.same++;
      if (typeof number === 'bigint' && (count.common === null || number > count.common)) count.common = number;
    } else {
      count.differing++;
      if (isGenerated && typeof number === 'bigint')
        noteJudged(context, table, number, kinship.of(table, here, theirs));
    }
  }
  return count;
}

const isEqualRow = (here: readonly SqlValue[], theirs: ShownRow): boolean =>
  theirs.every((value, position) => value === undefined || isSameValue(value, here[position] ?? null));

/** Equal to nothing that stands in a database. */
const noNumber = Number.NaN;

/** The group's row as it would be shown here. */
function shownRow({ context, counts }: Measuring, table: SyncedTable, block: StateBlock, i: number): ShownRow {
  const shown = Array.from<SqlValue | undefined>({ length: table.layout.length });
  for (const [c, column] of block.columns.entries()) {
    const position = table.positionByColumn.get(column);
    if (position === undefined) continue;
    const value = block.values[c]?.[i] ?? null;
    if (!(value instanceof RowReference)) {
      shown[position] = value;
      continue;
    }
    const reference = table.schema.references.find((each) => each.byRow && each.columns[0] === column);
    const parent = context.tables.byName(reference?.parentTable ?? '');
    const number = parent && numberOf(context, parent, lifeText(value.row));
    // A parent that comes later in the snapshot is not known yet: it proves nothing.
    if (!parent || typeof number !== 'bigint') continue;
    // That of a row apart will be another one than the group's.
    const isApart = isOtherAbove(context, parent, { number, common: counts.get(parent.name)?.common ?? null });
    shown[position] = isApart ? noNumber : shownInColumn(table.affinityByColumn.get(column) ?? 'BLOB', number);
  }
  return shown;
}

/** The rows above the common ones that differ are told apart one by one; of others the table as a whole tells. */
function conclude({ context, counts }: Measuring): MeasuredAdoption {
  const tables: AdoptionTablePreview[] = [];
  const above = new Map<string, bigint>();
  const strange = new Set<string>();
  let isUnclear = false;
  for (const [name, { same, differing, onlyThere, common }] of counts) {
    const table = context.tables.byName(name);
    if (!table) continue;
    const rows = integerAt(context.connection.cached(`SELECT count(*) FROM ${table.sql}`).get() ?? [0n], 0);
    const isGenerated = table.schema.keyKind === 'generated';
    const judged = isGenerated && common !== null ? judgedAbove(context, table, common) : noneJudged;
    const apart = judged.other;
    tables.push({
      table: name,
      same,
      differing: differing - apart,
      apart,
      onlyHere: Math.max(rows - same - differing, 0),
      onlyThere,
    });
    if (!isGenerated || differing === 0) continue;
    isUnclear ||= same < differing || judged.unclear > 0;
    if (common === null || same < differing - judged.all) strange.add(name);
    else above.set(name, common);
  }
  return {
    preview: { tables, isUnclear },
    rowsApart(choice) {
      if (choice === 'same-rows') return noRowsApart;
      return { above, strange: choice === 'distinct-rows' ? strange : new Set() };
    },
  };
}

interface RowOfBlock {
  readonly block: StateBlock;
  readonly i: number;
  readonly number: SqlValue;
}

function noteNumber({ connection }: ReplicaContext, table: SyncedTable, { block, i, number }: RowOfBlock): void {
  const row = block.rows.get(i) ?? block.lives[i];
  if (!row || typeof number !== 'bigint') return;
  connection
    .cached('INSERT OR REPLACE INTO temp._usync_met_numbers (tbl, row, n) VALUES (?, ?, ?)')
    .run(BigInt(table.number), lifeText(row), number);
}

/** Undefined when the row has not come yet. */
const numberOf = ({ connection }: ReplicaContext, table: SyncedTable, row: string): SqlValue | undefined =>
  connection
    .cached('SELECT n FROM temp._usync_met_numbers WHERE tbl = ? AND row = ?')
    .getExact(BigInt(table.number), row)?.[0];

const noteJudged = ({ connection }: ReplicaContext, table: SyncedTable, number: bigint, kinship: Kinship): void =>
  void connection
    .cached('INSERT OR REPLACE INTO temp._usync_met_rows (tbl, n, kinship) VALUES (?, ?, ?)')
    .run(BigInt(table.number), number, kinship);

function isOtherAbove(
  { connection }: ReplicaContext,
  table: SyncedTable,
  { number, common }: { readonly number: SqlValue; readonly common: bigint | null },
): boolean {
  if (typeof number !== 'bigint' || common === null || number <= common) return false;
  return (
    connection
      .cached(`SELECT 1 FROM temp._usync_met_rows WHERE tbl = ? AND n = ? AND kinship = 'other'`)
      .get(BigInt(table.number), number) !== undefined
  );
}

type Judged = Readonly<Record<Kinship | 'all', number>>;
const noneJudged: Judged = { same: 0, other: 0, unclear: 0, all: 0 };

function judgedAbove({ connection }: ReplicaContext, table: SyncedTable, common: bigint): Judged {
  const judged = { ...noneJudged };
  const rows = connection
    .cached('SELECT kinship, count(*) FROM temp._usync_met_rows WHERE tbl = ? AND n > ? GROUP BY kinship')
    .all(BigInt(table.number), common);
  for (const row of rows) {
    judged[row[0] as Kinship] = integerAt(row, 1);
    judged.all += integerAt(row, 1);
  }
  return judged;
}

function createTables(context: ReplicaContext): void {
  dropTables(context);
  context.connection
    .exec(`CREATE TEMP TABLE _usync_met_numbers (tbl INTEGER, row TEXT, n INTEGER, PRIMARY KEY (tbl, row)) WITHOUT ROWID;
    CREATE TEMP TABLE _usync_met_rows (tbl INTEGER, n INTEGER, kinship TEXT, PRIMARY KEY (tbl, n)) WITHOUT ROWID`);
}

const dropTables = ({ connection }: ReplicaContext): void =>
  connection.exec('DROP TABLE IF EXISTS temp._usync_met_numbers; DROP TABLE IF EXISTS temp._usync_met_rows');
