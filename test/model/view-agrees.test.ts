/**
 * Goal: the view of `src/core` shows what the executable model shows. Method: random worlds of the model's schemas; at
 * two moments of each run every replica's state is given to both.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { CellStamp } from '../../src/core/cell-stamp.js';
import { confirmations, type Confirmation } from '../../src/core/confirmations.js';
import { lifeText, type LifeName } from '../../src/core/life.js';
import { rowKey, type Alias, type Cell, type LifeState } from '../../src/core/life-state.js';
import type { OriginId } from '../../src/core/origin.js';
import type { Stamp } from '../../src/core/stamp.js';
import { substituteNumber } from '../../src/core/substitute.js';
import type { TableSchema } from '../../src/core/table-schema.js';
import { RowReference, type CellValue } from '../../src/core/value.js';
import { viewOf, type View } from '../../src/core/view.js';
import { runSeed } from './check.js';
import {
  copyReplica,
  finalRules,
  rowNow,
  type Change,
  type ModelReplica,
  type ModelTable,
  type ModelValue,
  type Rules,
} from './model.js';
import { viewOfModel, type ModelRow } from './model-view.js';
import { confirmModel, dutyHolder } from './model-writing.js';

const rules: Rules = {
  ...finalRules,
  substitute: (row, key, attempt) => Number(substituteNumber(lifeOf(row), BigInt(key), attempt)),
};

function lifeOf(name: string): LifeName {
  const [stamp = '', origin = '', index = ''] = name.split('.');
  return { stamp: Number(stamp) as Stamp, origin: origin as OriginId, index: Number(index) };
}

function stampOf(text: string): CellStamp {
  const [stamp = '', origin = '', depth = '', weakStamp = '', weakOrigin = ''] = text.split('.');
  const written = { stamp: Number(stamp) as Stamp, origin: origin as OriginId };
  if (Number(depth) === 0) return written;
  const weak = { depth: Number(depth), stamp: Number(weakStamp) as Stamp, origin: weakOrigin as OriginId };
  return { ...written, weak };
}

function valueOf(value: ModelValue): CellValue {
  if (typeof value === 'number') return BigInt(value);
  if (value === null || typeof value === 'string') return value;
  return 'row' in value ? new RowReference(lifeOf(value.row)) : BigInt(value.raw);
}

const schemaOf = (table: ModelTable): TableSchema => ({
  name: table.name,
  columns: [
    'key',
    'a',
    'b',
    ...table.references.map(({ column }) => column),
    ...table.uniques.map((u) => u.column),
  ].map((name) => ({
    name,
    declaredType: name === 'key' ? 'INTEGER' : 'TEXT',
    isGenerated: false,
    isNotNull: name === 'key',
    hasDefault: false,
    rule: 'column',
  })),
  key: ['key'],
  keyKind: table.key,
  references: table.references.map(({ column, to, onDelete }) => ({
    columns: [column],
    parentTable: to,
    parentColumns: ['key'],
    onDelete,
    byRow: true,
  })),
  uniques: table.uniques.map(({ column, policy }) => ({ name: column, columns: [column], policy, isPlain: true })),
});

function coreView(replica: ModelReplica): View {
  const tableOfRow = new Map<string, string>();
  const lives = [...replica.lives].map(([id, { row, table, columns }]): LifeState => {
    tableOfRow.set(row, table);
    const cells = Object.entries(columns)
      .filter(([name]) => !name.startsWith('meant_'))
      .map(([name, { value, at }]): [string, Cell] => [name, { value: valueOf(value), at: stampOf(at) }]);
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
  return viewOf({ schema: replica.schema.map(schemaOf).toReversed(), lives: lives.toReversed(), aliases });
}

const shortName = (name: string): string => lifeText(lifeOf(name));

function textOfModelRow(row: ModelRow): string {
  const values = Object.entries(row.values)
    .filter(([name]) => !name.startsWith('meant_'))
    .map(([name, value]) => `${name}=${value}`);
  return rowText({
    place: `${row.table} ${shortName(row.row)}`,
    lives: row.lives.map(shortName),
    shown: [row.status, row.key, row.behind === null ? '-' : shortName(row.behind), row.clash ?? '-'],
    provisional: row.isProvisional,
    neededBy: [...row.neededBy],
    values,
  });
}

const coreTexts = (view: View): string[] =>
  view.rows.map((row) =>
    rowText({
      place: `${row.table} ${lifeText(row.row)}`,
      lives: row.lives.map(lifeText),
      shown: [row.status, plainText(row.key[0]), row.behind ? lifeText(row.behind) : '-', row.clash ?? '-'],
      provisional: row.isProvisional,
      neededBy: [...row.neededBy],
      values: [...row.values].map(([name, value]) => `${name}=${plainText(value)}`),
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
      return changeText('insert', [shortName(change.row), ...Object.keys(change.columns).filter(isPlain).toSorted()]);
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

function coreConfirmations(replica: ModelReplica): string[] {
  const changes = confirmations(coreView(replica), {
    isDuty: (origin) => dutyHolder(replica, origin) === replica.server,
    stamp: 1 as Stamp,
    origin: replica.origin as OriginId,
    lastKnown: (_table, row) => {
      const found = [...replica.remembered].find(([name]) => shortName(name) === lifeText(row));
      const cells = Object.entries(found?.[1].columns ?? {})
        .filter(([column]) => isPlain(column))
        .map(([column, { value, at }]): [string, Cell] => [column, { value: valueOf(value), at: stampOf(at) }]);
      return found ? new Map(cells) : null;
    },
  });
  return changes.flatMap(textsOfCoreChange).toSorted();
}

function modelConfirmations(replica: ModelReplica): string[] {
  const changeset = confirmModel(copyReplica(replica), 1, 0);
  return (changeset?.changes ?? []).map(textOfModelChange).toSorted();
}

it('the view and its confirmations agree with the model in 120 random worlds', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 120; seed++)
    runSeed(seed, rules, ({ servers }) => {
      for (const { replica } of servers) {
        const rows = [...viewOfModel(replica).all.values()];
        for (const row of rows) seen.add(row.isProvisional ? 'substitute' : row.status);
        assert.deepEqual(coreTexts(coreView(replica)).toSorted(), rows.map(textOfModelRow).toSorted(), `seed ${seed}`);
        assert.deepEqual(coreConfirmations(replica), modelConfirmations(replica), `seed ${seed}`);
        for (const [from] of replica.aliases) assert.notEqual(rowNow(replica.aliases, from), from, `seed ${seed}`);
      }
    });
  const all = 'visible key-loser merging renaming held cascading awaiting-parent parent-hidden substitute'.split(' ');
  assert.deepEqual([...seen].toSorted(), all.toSorted(), 'every outcome was met');
});
