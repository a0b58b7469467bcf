import {
  compareCellStamps,
  isUnwritten,
  stampAbove,
  weakStampAbove,
  type CellStamp,
} from '../../../core/cell-stamp.js';
import type { LifeName } from '../../../core/life.js';
import type { Stamp } from '../../../core/stamp.js';
import type { CellValue, SqlValue } from '../../../core/value.js';
import type { AsideLife } from '../stores/aside-store.js';
import { mergedRow } from '../merge/component-loader.js';
import { keyText } from '../merge/key-moves.js';
import { eachPage, writtenAt, type Comparison } from './comparison.js';
import { quoteName } from '../connection/identifiers.js';
import { createRowComparison, type RowComparison } from './row-comparison.js';
import { createRowReferences, type RowReferences } from './row-references.js';
import { partsOfRow } from '../stores/row-parts.js';
import {
  exceptionsFor,
  shadowColumnCount,
  shadowColumns,
  stampAt,
  stampsOfWholeWrite,
  type Key,
  type KeyedShadow,
  type Shadow,
} from '../stores/shadow-store.js';
import { joinsKeys, joinsTable, type SyncedTable } from '../schema/synced-table.js';
import { knownValueColumns, knownValuesTable, ruledColumns } from './known-values.js';
import { positionsOfWrite, rewrittenCells, withOneStamp } from './whole-row-writes.js';
import { additionsOf, putBackWhatLost, type WrittenAddition } from './ruled-writes.js';

/**
 * Rows of the batch with a shadow: the columns whose hash differs are new cells, stamped above what they replace. Returns
 * which columns were changed in any row, by their places in the layout.
 */
export function captureUpdates(comparison: Comparison): ReadonlySet<number> {
  const { context, table, changeset, sink } = comparison;
  const references = createRowReferences(context, table, sink);
  const layout = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const known = knownValuesSql(table);
  const sql = `SELECT ${layout}, b.t, ${table.isBag ? 'b.k1' : 'NULL'}, ${[shadowColumns('s'), ...references.columns].join(', ')} ${known.columns}
    FROM temp._usync_batch b CROSS JOIN ${table.sql} r ON ${joinsTable(table, 'b', 'r')}
    CROSS JOIN ${table.shadowSql} s ON ${joinsKeys(table, 's', 'b')} ${references.joins} ${known.join}
    WHERE b.n BETWEEN ?1 AND ?2 AND b.d = 0 AND NOT (s.s = ?3 AND s.o = ?4) ORDER BY b.n`;
  const hashing = createRowComparison(table);
  const changed = new Set<number>();
  eachPage(comparison, sql, {
    params: [BigInt(changeset.stamp), BigInt(changeset.originNumber)],
    take(rows) {
      const shapes = new Map<string, Shape>();
      const written: KeyedShadow[] = [];
      for (const row of rows) compareRow({ comparison, hashing, references, shapes, written }, row);
      sink.putAll(table, written);
      for (const shape of shapes.values()) {
        addBlock(comparison, shape);
        for (const position of shape.positions) changed.add(position);
      }
    },
  });
  return changed;
}

/** Updates of one page that write the same columns. */
interface Shape {
  readonly positions: readonly number[];
  /** Those of the positions, and additions of counters. */
  readonly columns: readonly string[];
  readonly lives: LifeName[][];
  readonly keys: Key[];
  readonly times: Stamp[];
  readonly cellStamps: Map<number, Map<number, CellStamp>>;
  readonly values: CellValue[][];
}

interface PageWork {
  readonly comparison: Comparison;
  readonly hashing: RowComparison;
  readonly references: RowReferences;
  readonly shapes: Map<string, Shape>;
  readonly written: KeyedShadow[];
}

function compareRow(work: PageWork, row: SqlValue[]): void {
  const { comparison, hashing, references } = work;
  const { context, table, changeset, oldKeys } = comparison;
  const width = table.layout.length;
  const known = row.splice(row.length - ruledColumns(table).length);
  const shadow = context.shadows.read(row, width + 2);
  const key = table.isBag ? [row[width + 1] ?? null] : table.keyPositions.map((position) => row[position] ?? null);
  if (known.length > 0) putBackWhatLost(comparison, { row, known, key, shadow });
  const shownHash = hashing.hash(row);
  const written = hashing.changedSince(shadow.columns);
  if (written.length === 0) return;
  const parts = partsOfRow(context, table.name, shadow);
  const time = writtenAt(changeset, row[width]);
  const additions =
    known.length > 0 ? additionsOf(comparison, { row, known, shadow, parts, time, changed: written }) : noAdditions;
  const extras = context.asides.extraCells(table.name, shadow.life);
  const own = additions.size > 0 ? written.filter((position) => !additions.has(position)) : written;
  const changed = positionsOfWrite(table, own);
  const stamps = withOneStamp(
    table,
    changed,
    changed.map((position) => stampOfWrite(comparison, time, replacedStamp(comparison, { shadow, parts, position }))),
  );
  const first = width + 2 + shadowColumnCount;
  const shownCell = (position: number): CellValue => references.cell(row, first, position) ?? row[position] ?? null;
  const rewritten =
    changed === own ? noCells : rewrittenCells(comparison, own, { shadow, parts, extras, changed, stamps, shownCell });
  const cellOf = (position: number): CellValue => rewritten.get(position) ?? shownCell(position);
  const isPlain = extras === null;
  const columns = hashing.bytes();
  const merged = extras && mergedRow(table.layout, extras, { values: row, shadow, written });
  const hash = merged ? hashing.hash(merged) : shownHash;
  work.written.push({ key, shadow: changedShadow({ shadow, hash, columns, changed, stamps, width, isPlain }) });
  comparison.sink.digests.replaceRow(table, { before: shadow.hash, after: hash });
  writeParts(comparison, { changed, stamps, parts, additions, cellOf });
  const shape = shapeOf(work, changed, additions);
  for (const [i, at] of [...stamps, ...[...additions.values()].map((each) => each.at)].entries()) {
    if (at.stamp === time) continue;
    const exceptions = shape.cellStamps.get(shape.times.length) ?? new Map<number, CellStamp>();
    shape.cellStamps.set(shape.times.length, exceptions.set(i, at));
  }
  shape.lives.push([shadow.life, ...parts.map((part) => part.life)]);
  shape.keys.push(oldKeys.size === 0 ? key : (oldKeys.get(keyText(table, key)) ?? key));
  shape.times.push(time);
  for (const [i, position] of changed.entries()) shape.values[i]?.push(cellOf(position));
  for (const [i, { value }] of [...additions.values()].entries()) shape.values[changed.length + i]?.push(value);
}

const noAdditions: ReadonlyMap<number, WrittenAddition> = new Map();
const noCells: ReadonlyMap<number, CellValue> = new Map();

/** Nothing where no column of the table has a rule of its own. */
function knownValuesSql(table: SyncedTable): { readonly columns: string; readonly join: string } {
  if (ruledColumns(table).length === 0) return { columns: '', join: '' };
  const columns = knownValueColumns(table).map((column) => `, v.${column}`);
  return {
    columns: columns.join(''),
    join: `LEFT JOIN ${knownValuesTable(table)} v ON ${joinsKeys(table, 'v', 'b')}`,
  };
}

interface ReplacedCell {
  readonly shadow: Shadow;
  readonly parts: readonly AsideLife[];
  readonly position: number;
}

/** The highest stamp of the cell in all lives that are written into (rule R1.3). */
function replacedStamp({ table }: Comparison, { shadow, parts, position }: ReplacedCell): CellStamp {
  let highest = stampAt(shadow, position);
  for (const part of parts) {
    const at = part.cells.get(table.layout[position] ?? '')?.at;
    if (at && compareCellStamps(at, highest) > 0) highest = at;
  }
  return highest;
}

/**
 * What a migration fills a new column with is below what any application writes into it: each server runs the migration
 * by itself, some of them when the column has long been in use elsewhere (docs/decisions/0025).
 */
function stampOfWrite({ changeset, isMigration }: Comparison, time: Stamp, replaced: CellStamp): CellStamp {
  if (isMigration && isUnwritten(replaced)) return weakStampAbove(replaced, time, changeset.origin);
  return stampAbove(time, changeset.origin, replaced);
}

interface ChangedRow {
  readonly shadow: Shadow;
  readonly hash: number;
  readonly columns: Uint8Array;
  readonly changed: readonly number[];
  readonly stamps: readonly CellStamp[];
  readonly width: number;
  /** Nothing of the row is kept beside it: what is counts until its column is written. */
  readonly isPlain: boolean;
}

function changedShadow({ shadow, hash, columns, changed, stamps, width, isPlain }: ChangedRow): Shadow {
  const written = new Map(changed.flatMap((position, i) => (stamps[i] ? [[position, stamps[i]] as const] : [])));
  const whole = isPlain ? stampsOfWholeWrite(shadow, written, width) : null;
  if (whole) return { ...shadow, ...whole, hash, columns };
  const exceptions = exceptionsFor(shadow, width);
  for (const [i, position] of changed.entries()) {
    const at = stamps[i];
    if (at) exceptions.set(position, at);
  }
  return { ...shadow, hash, columns, exceptions };
}

interface WrittenParts {
  readonly changed: readonly number[];
  readonly stamps: readonly CellStamp[];
  readonly parts: readonly AsideLife[];
  readonly cellOf: (position: number) => CellValue;
  readonly additions: ReadonlyMap<number, WrittenAddition>;
}

/** An update goes into every life of the row that the application saw. */
function writeParts(comparison: Comparison, work: WrittenParts): void {
  const { changed, stamps, parts, cellOf, additions } = work;
  const { context, table, sink } = comparison;
  for (const part of parts) {
    const cells = new Map(part.cells);
    for (const [i, position] of changed.entries()) {
      const at = stamps[i];
      if (at) cells.set(table.layout[position] ?? '', { value: cellOf(position), at });
    }
    for (const { column, value, at } of additions.values()) cells.set(column, { value, at });
    sink.later(() => context.asides.put({ ...part, cells }));
  }
}

function shapeOf(
  { shapes, comparison }: PageWork,
  positions: readonly number[],
  additions: ReadonlyMap<number, WrittenAddition>,
): Shape {
  const added = [...additions.values()].map(({ column }) => column);
  const name = [positions.join(','), ...added].join('|');
  const known = shapes.get(name);
  if (known) return known;
  const columns = [...positions.map((position) => comparison.table.layout[position] ?? ''), ...added];
  const shape: Shape = {
    positions,
    columns,
    lives: [],
    keys: [],
    times: [],
    cellStamps: new Map(),
    values: columns.map(() => []),
  };
  shapes.set(name, shape);
  return shape;
}

function addBlock({ table, changeset }: Comparison, shape: Shape): void {
  changeset.add({
    kind: 'update',
    table: table.name,
    columns: shape.columns,
    count: shape.times.length,
    lives: shape.lives,
    keyColumns: table.schema.key,
    keys: table.isBag ? [] : table.keySql.map((_, part) => shape.keys.map((key) => key[part] ?? null)),
    times: shape.times,
    cellStamps: shape.cellStamps,
    values: shape.values,
  });
}
