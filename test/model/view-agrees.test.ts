/**
 * Goal: the view of `src/core` shows what the executable model shows. Method: random worlds of the model's schemas; at
 * two moments of each run every replica's state is given to both, whole, and as the
 * component of the rows that are not plainly shown.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { CellStamp } from '../../src/core/cell-stamp.js';
import { additionColumn } from '../../src/core/counter.js';
import { confirmations, type Confirmation } from '../../src/core/confirmations.js';
import { lifeText, type LifeName } from '../../src/core/life.js';
import { rowKey, type Alias, type Cell, type LifeState } from '../../src/core/life-state.js';
import type { OriginId } from '../../src/core/origin.js';
import type { Stamp } from '../../src/core/stamp.js';
import { substituteNumber } from '../../src/core/substitute.js';
import type { ColumnRule, TableSchema } from '../../src/core/table-schema.js';
import { RowReference, type CellValue, type SqlValue } from '../../src/core/value.js';
import { emptySurroundings, viewOf, type Surroundings, type View } from '../../src/core/view.js';
import { runSeed } from './check.js';
import { rowNow } from './model-merging.js';
import { finalRules, type Rules } from './model-rules.js';
import {
  copyReplica,
  type Change,
  type ModelColumnRule,
  type ModelReplica,
  type ModelTable,
  type ModelValue,
} from './model-state.js';
import { ruleOf } from './model-columns.js';
import { meantRow, plain, viewOfModel, type ModelRow } from './model-view.js';
import { confirmModel, dutyHolder } from './model-writing.js';

const rules: Rules = {
  ...finalRules,
  substitute: (row, key, attempt) => Number(substituteNumber(lifeOf(row), BigInt(key), attempt)),
};

/** The model's origins begin with the letter of their server; those of `src/` with sixteen. */
const originOf = (text: string): OriginId => `${text.slice(0, 1).repeat(16)}-${text.slice(1)}` as OriginId;
const modelOriginOf = (origin: OriginId): string => origin.slice(0, 1) + origin.slice(17);

function lifeOf(name: string): LifeName {
  const [stamp = '', origin = '', index = ''] = name.split('.');
  return { stamp: Number(stamp) as Stamp, origin: originOf(origin), index: Number(index) };
}

function stampOf(text: string): CellStamp {
  const [stamp = '', origin = '', depth = '', weakStamp = '', weakOrigin = ''] = text.split('.');
  const written = { stamp: Number(stamp) as Stamp, origin: originOf(origin) };
  if (Number(depth) === 0) return written;
  const weak = { depth: Number(depth), stamp: Number(weakStamp) as Stamp, origin: originOf(weakOrigin) };
  return { ...written, weak };
}

function valueOf(value: ModelValue): CellValue {
  if (typeof value === 'number') return BigInt(value);
  if (value === null || typeof value === 'string') return value;
  return 'row' in value ? new RowReference(lifeOf(value.row)) : BigInt(value.raw);
}

/**
 * The same world as another schema says it: keys and uniques of two columns, of which one is the same in every row; and
 * SET NULL over columns that cannot be NULL, which refuses as RESTRICT does.
 */
const twin = 'twin';

function columnsOf(table: ModelTable): readonly string[] {
  const all = new Set([
    ...(table.key === 'bag' ? [] : ['key']),
    'a',
    'b',
    ...table.references.map(({ column }) => column),
    ...table.uniques.map(({ column }) => column),
    ...Object.keys(table.rules ?? {}),
  ]);
  return [...all].filter((name) => table.unknown?.includes(name) !== true);
}

/** What waits for a table or a column is shown by neither. */
const knownRows = (replica: ModelReplica): ModelRow[] =>
  [...viewOfModel(replica).all.values()].filter(({ table }) => replica.schema.some(({ name }) => name === table));

const schemaOf = (table: ModelTable, isTwinned: boolean): TableSchema => ({
  name: table.name,
  columns: [...columnsOf(table), twin].map((name) => ({
    name,
    declaredType: name === 'key' ? 'INTEGER' : 'TEXT',
    isGenerated: false,
    isNotNull: name === 'key' || (isTwinned && isRestricted(table, name)),
    hasDefault: false,
    // Where the other column of a unique takes no suffix, this one must not take it either.
    rule: name === twin ? 'max' : coreRule(ruleOf(table, name)),
  })),
  key: keyOf(table, isTwinned),
  keyKind: table.key,
  references: table.references.map(({ column, to, onDelete }) => ({
    columns: [column],
    parentTable: to,
    parentColumns: ['key'],
    onDelete: isTwinned && onDelete === 'restrict' ? 'set null' : onDelete,
    byRow: true,
  })),
  uniques: table.uniques.map(({ column, policy }) => ({
    name: column,
    columns: isTwinned ? [twin, column] : [column],
    policy,
    isPlain: true,
  })),
});

function keyOf({ key }: ModelTable, isTwinned: boolean): readonly string[] {
  if (key === 'bag') return [];
  return isTwinned && key === 'natural' ? [twin, 'key'] : ['key'];
}

const coreRule = (rule: ModelColumnRule | undefined): ColumnRule =>
  rule === 'first' ? 'first-write-wins' : (rule ?? 'column');

/** Additions of counters go by the names that `src/core` gives them. */
function columnName(name: string): string {
  const [column = '', run] = name.split('+');
  if (run === undefined) return name;
  const { stamp, origin } = lifeOf(run);
  return additionColumn({ column, origin, run: stamp });
}

const isRestricted = (table: ModelTable, column: string): boolean =>
  table.references.some((reference) => reference.column === column && reference.onDelete === 'restrict');

function coreView(replica: ModelReplica, isTwinned: boolean, component?: ReadonlySet<ModelRow>): View {
  const loadedLives = component && new Set([...component].flatMap((row) => row.lives));
  const loaded = [...replica.lives].filter(([id]) => !loadedLives || loadedLives.has(id));
  const lives = loaded.map(([id, { row, table, columns }]): LifeState => {
    const cells = Object.entries(columns)
      .filter(([name]) => !name.startsWith('meant_'))
      .map(([name, { value, at }]): [string, Cell] => [columnName(name), { value: valueOf(value), at: stampOf(at) }]);
    const at = (columns['key'] ?? columns['a'])?.at;
    if (isTwinned && at !== undefined) cells.push([twin, { value: 1n, at: stampOf(at) }]);
    return { table, life: lifeOf(id), row: lifeOf(row), cells: new Map(cells) };
  });
  // The model's names are unique across tables, so an alias counts for whichever table its row is of.
  const aliases = new Map(
    replica.schema.flatMap(({ name }) =>
      [...replica.aliases].map(([from, { to, at }]): [ReturnType<typeof rowKey>, Alias] => [
        rowKey(name, lifeOf(from)),
        { to: lifeOf(to), at: stampOf(at) },
      ]),
    ),
  );
  // Schema and lives in another order than the model's: neither may matter.
  const schema = replica.schema.map((table) => schemaOf(table, isTwinned)).toReversed();
  const surroundings = component ? surroundingsOf(replica, component) : emptySurroundings;
  return viewOf({ schema, lives: lives.toReversed(), aliases, surroundings });
}

/** Answers as a database would that shows the calm rows. */
function surroundingsOf(replica: ModelReplica, component: ReadonlySet<ModelRow>): Surroundings {
  const calm = knownRows(replica).filter((row) => !component.has(row));
  return {
    ...emptySurroundings,
    isNumberTaken: (table, number) => calm.some((row) => row.table === table && row.key === Number(number)),
    keyOfRow: (table, name) => {
      const row = calm.find((each) => each.table === table && shortName(each.row) === lifeText(name));
      return row ? [valueOf(row.key) as SqlValue] : null;
    },
  };
}

/** All rows that are not plainly shown, who claims what they claim, and everything below them. */
function componentOf(replica: ModelReplica): Set<ModelRow> {
  const view = viewOfModel(replica);
  const rows = knownRows(replica);
  const isCalm = (row: ModelRow): boolean => row.status === 'visible' && !row.isProvisional && row.lives.length === 1;
  const component = new Set<ModelRow>();
  const add = (row: ModelRow, isMoved: boolean): void => {
    if (component.has(row) && !isMoved) return;
    component.add(row);
    const table = replica.schema.find((each) => each.name === row.table);
    for (const column of ['key', ...(table?.uniques ?? []).map((unique) => unique.column)]) {
      const value = plain(row.columns[column]?.value);
      for (const other of rows)
        if (other.table === row.table && value !== null && plain(other.columns[column]?.value) === value)
          if (!component.has(other)) add(other, false);
    }
    if (isMoved) for (const child of childrenOf(row)) if (!component.has(child)) add(child, true);
  };
  const childrenOf = (row: ModelRow): ModelRow[] =>
    rows.filter((child) =>
      (replica.schema.find((each) => each.name === child.table)?.references ?? []).some(({ column }) => {
        const id = meantRow(child.columns[column]);
        return id !== null && view.resolve(id) === row;
      }),
    );
  for (const row of rows) if (!isCalm(row)) add(row, true);
  return component;
}

const shortName = (name: string): string => lifeText(lifeOf(name));

function textOfModelRow(row: ModelRow, columns: readonly string[]): string {
  const values = Object.entries(row.values)
    .filter(([name]) => columns.includes(name))
    .map(([name, value]) => `${name}=${value}`);
  return rowText({
    place: `${row.table} ${shortName(row.row)}`,
    lives: row.lives.map(shortName),
    shown: [
      row.status,
      'key' in row.columns ? row.key : 'null',
      row.behind === null ? '-' : shortName(row.behind),
      row.clash ?? '-',
    ],
    provisional: row.isProvisional,
    neededBy: [...row.neededBy].map(originOf),
    values,
  });
}

/** Who needs a calm row is asked by nobody, and the rows that need it may be outside. */
const withoutNeed = (text: string): string => text.replace(/\{.*\}/, '');

const coreTexts = (view: View): string[] =>
  view.rows.map((row) =>
    rowText({
      place: `${row.table} ${lifeText(row.row)}`,
      lives: row.lives.map(lifeText),
      shown: [row.status, plainText(row.key.at(-1)), row.behind ? lifeText(row.behind) : '-', row.clash ?? '-'],
      provisional: row.isProvisional,
      neededBy: [...row.neededBy],
      values: [...row.values]
        .filter(
          ([name]) => name !== twin && view.planOf(row.table).schema.columns.some((column) => column.name === name),
        )
        .map(([name, value]) => `${name}=${plainText(value)}`),
    }),
  );

const plainText = (value: CellValue | undefined): string =>
  typeof value === 'string' || typeof value === 'bigint' ? String(value) : 'null';

const rowText = (row: {
  place: string;
  lives: string[];
  shown: (string | number)[];
  provisional: boolean;
  neededBy: string[];
  values: string[];
}): string =>
  `${row.place} [${row.lives.join()}] ${row.shown.join(' ')} ${row.provisional} ` +
  `{${row.neededBy.toSorted().join()}} ${row.values.toSorted().join(' ')}`;

/** Confirmations as far as both say them with the same words: a renamed value differs by design. */
const changeText = (kind: string, parts: readonly string[]): string => `${kind} ${parts.join(' ')}`;

function textOfModelChange(change: Change): string {
  switch (change.kind) {
    case 'insert':
      return changeText('insert', [
        shortName(change.row),
        ...Object.keys(change.columns).filter(isPlain).map(columnName).toSorted(),
      ]);
    case 'merge':
      return changeText('merge', [shortName(change.from), shortName(change.alias.to)]);
    case 'end':
      return changeText('end', change.lives.map(shortName));
    case 'update':
      return changeText('update', [...change.lives.map(shortName), ...Object.keys(change.columns)]);
  }
}

const isPlain = (column: string): boolean => !column.startsWith('meant_');

/** The model writes one change per column, `src/core` one per row. */
function textsOfCoreChange(change: Confirmation): string[] {
  switch (change.kind) {
    case 'insert':
      return [changeText('insert', [lifeText(change.row), ...[...change.cells.keys()].toSorted()])];
    case 'merge':
      return [changeText('merge', [lifeText(change.from), lifeText(change.to)])];
    case 'end':
      return [changeText('end', change.lives.map(lifeText))];
    case 'update':
      return [...change.cells.keys()].map((column) => changeText('update', [...change.lives.map(lifeText), column]));
  }
}

function coreConfirmations(replica: ModelReplica, isTwinned: boolean): string[] {
  const changes = confirmations(coreView(replica, isTwinned), {
    isDuty: (origin) => dutyHolder(replica, modelOriginOf(origin)) === replica.server,
    stamp: 1 as Stamp,
    origin: originOf(replica.origin),
    lastKey: () => null,
    lastKnown: (_table, row) => {
      const found = [...replica.remembered].find(([name]) => shortName(name) === lifeText(row));
      const cells = Object.entries(found?.[1].columns ?? {})
        .filter(([column]) => isPlain(column))
        .map(([column, { value, at }]): [string, Cell] => [
          columnName(column),
          { value: valueOf(value), at: stampOf(at) },
        ]);
      return found ? new Map(cells) : null;
    },
  });
  return changes.flatMap(textsOfCoreChange).toSorted();
}

function modelConfirmations(replica: ModelReplica): string[] {
  const changeset = confirmModel(copyReplica(replica), 1, 0);
  return (changeset?.changes ?? []).map(textOfModelChange).toSorted();
}

/** Runs the seeds and gives every outcome that was met. */
function compareIn(
  worldRules: Rules,
  seeds: readonly number[],
): { readonly seen: readonly string[]; readonly parts: number } {
  const seen = new Set<string>();
  let parts = 0;
  for (const seed of seeds)
    runSeed(seed, worldRules, ({ servers }) => {
      const isTwinned = seed % 2 === 0;
      for (const { replica } of servers) {
        const rows = knownRows(replica);
        const columns = new Map(replica.schema.map((table) => [table.name, columnsOf(table)]));
        const textOf = (row: ModelRow): string => textOfModelRow(row, columns.get(row.table) ?? []);
        for (const row of rows) seen.add(row.isProvisional ? 'substitute' : row.status);
        assert.deepEqual(
          coreTexts(coreView(replica, isTwinned)).toSorted(),
          rows.map(textOf).toSorted(),
          `seed ${seed}`,
        );
        assert.deepEqual(coreConfirmations(replica, isTwinned), modelConfirmations(replica), `seed ${seed}`);
        const component = componentOf(replica);
        if (component.size < rows.length && component.size > 0) parts++;
        assert.deepEqual(
          coreTexts(coreView(replica, isTwinned, component))
            .map(withoutNeed)
            .toSorted(),
          [...component].map(textOf).map(withoutNeed).toSorted(),
          `seed ${seed}, component`,
        );
        // A cut may have turned the ages of two rows with one stamp: such an alias counts no more.
        for (const [from, { to }] of replica.aliases)
          if (to < from) assert.notEqual(rowNow(replica.aliases, from), from, `seed ${seed}`);
      }
    });
  return { seen: [...seen].toSorted(), parts };
}

const outcomes = 'awaiting-parent cascading held key-loser merging parent-hidden renaming substitute visible'.split(
  ' ',
);
const seedsUpTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

it('the view and its confirmations agree with the model in 80 random worlds', () => {
  const { seen, parts } = compareIn(rules, seedsUpTo(80));
  assert.ok(parts > 60, `${parts} components were smaller than the state`);
  assert.deepEqual(seen, outcomes, 'every outcome was met');
});

it('the same in 60 worlds whose columns and tables have merge rules of their own', () => {
  const { seen } = compareIn({ ...rules, hasColumnRules: true }, seedsUpTo(60));
  assert.deepEqual(seen, outcomes, 'every outcome was met');
});

it('the same in 60 worlds with tables without a key', () => {
  const { seen } = compareIn({ ...rules, hasBags: true }, seedsUpTo(60));
  assert.deepEqual(seen, outcomes, 'every outcome was met');
});

it('the same in 60 worlds whose servers lack tables and columns until they migrate', () => {
  const { seen } = compareIn({ ...rules, hasSkew: true }, seedsUpTo(60));
  assert.deepEqual(seen, outcomes, 'every outcome was met');
});

it('the same in 60 worlds whose tables reference themselves and each other in circles', () => {
  const { seen } = compareIn({ ...rules, hasCircles: true }, seedsUpTo(60));
  assert.deepEqual(seen, outcomes, 'every outcome was met');
});
