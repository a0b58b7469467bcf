/**
 * Goal: the view of a component follows the rules R3 to R7 on real schemas. Method: hand-made lives, one fact each; the
 * random comparison with the executable model is in `test/model/view-agrees.test.ts`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { confirmations, type Duties } from './confirmations.js';
import { danglingColumn, danglingText } from './dangling-mark.js';
import type { LifeName } from './life.js';
import { rowKey, type Alias, type Cell, type LifeState, type RowKey } from './life-state.js';
import { genesisOrigin, type OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { ReferenceAction, TableSchema, UniqueSchema } from './table-schema.js';
import { RowReference, type CellValue } from './value.js';
import { emptySurroundings, viewOf, type Surroundings, type View } from './view.js';

const a = 'aaaaaaaaaaaaaaab-00000000' as OriginId;
const b = 'bbbbbbbbbbbbbbbb-00000000' as OriginId;

const name = (stamp: number, origin: OriginId = a, index = 0): LifeName => ({ stamp: stamp as Stamp, origin, index });

function table(
  tableName: string,
  options: {
    key?: readonly string[];
    kind?: TableSchema['keyKind'];
    notNull?: readonly string[];
    references?: readonly { column: string; to: string; onDelete: ReferenceAction; byRow?: boolean }[];
    uniques?: readonly Partial<UniqueSchema>[];
    nocase?: readonly string[];
  } = {},
): TableSchema {
  const { key = ['id'], kind = 'generated', references = [], uniques = [], notNull = [], nocase = [] } = options;
  const names = new Set([
    ...key,
    'v',
    ...references.map((each) => each.column),
    ...uniques.flatMap((each) => each.columns ?? []),
  ]);
  return {
    name: tableName,
    key,
    keyKind: kind,
    columns: [...names].map((column) => ({
      name: column,
      declaredType: column === 'id' || column.endsWith('_id') ? 'INTEGER' : 'TEXT',
      isGenerated: false,
      isNotNull: notNull.includes(column),
      hasDefault: false,
      rule: 'column',
      ...(nocase.includes(column) ? { collation: 'nocase' as const } : {}),
    })),
    references: references.map(({ column, to, onDelete, byRow = true }) => ({
      columns: [column],
      parentTable: to,
      parentColumns: [byRow ? 'id' : 'name'],
      onDelete,
      byRow,
    })),
    uniques: uniques.map((unique, i) => ({ name: `u${i}`, columns: [], policy: 'merge', isPlain: true, ...unique })),
  };
}

function life(tableName: string, born: LifeName, values: Record<string, CellValue>, row: LifeName = born): LifeState {
  const at = { stamp: born.stamp, origin: born.origin };
  const cells = Object.entries(values).map(([column, value]): [string, Cell] => [column, { value, at }]);
  return { table: tableName, life: born, row, cells: new Map(cells) };
}

const view = (
  schema: readonly TableSchema[],
  lives: readonly LifeState[],
  more: { aliases?: ReadonlyMap<RowKey, Alias>; surroundings?: Partial<Surroundings> } = {},
): View =>
  viewOf({
    schema,
    lives,
    aliases: more.aliases ?? new Map(),
    surroundings: { ...emptySurroundings, ...more.surroundings },
  });

const valueText = (value: CellValue | undefined): string =>
  typeof value === 'object' || value === undefined ? 'no plain value' : String(value);
const statuses = (of: View): string[] =>
  of.rows.map((row) => `${row.table} ${row.row.stamp} ${row.status} ${row.key.map(valueText).join()}`);
const to = (stamp: number, origin: OriginId = a): RowReference => new RowReference(name(stamp, origin));
const dutiesOf = (origin: OriginId, known: ReadonlyMap<RowKey, ReadonlyMap<string, Cell>> = new Map()): Duties => ({
  isDuty: (each) => each === origin,
  stamp: 1000 as Stamp,
  origin,
  lastKey: () => null,
  lastKnown: (tableName, row) => known.get(rowKey(tableName, row)) ?? null,
});

const childAndParent = (onDelete: ReferenceAction, notNull: readonly string[] = []): TableSchema[] => [
  table('c', { references: [{ column: 'p_id', to: 'p', onDelete }], notNull }),
  table('p'),
];

const withUnique = (policy: UniqueSchema['policy'], columns: readonly string[] = ['mail']): TableSchema[] => [
  table('t', { uniques: [{ columns, policy }] }),
];

const sameMail = (x: CellValue, y: CellValue): LifeState[] => [
  life('t', name(1), { id: 1n, mail: 'x', name: x }),
  life('t', name(2, b), { id: 2n, mail: 'x', name: y }),
];

describe('uniques that the engine computes', () => {
  const schema = [table('t', { uniques: [{ name: 'lowered', isPlain: false, policy: 'merge' }] })];
  const lowered: Surroundings['computedUnique'] = (_, unique, values) => {
    const word = values.get('v');
    return unique === 'lowered' && typeof word === 'string' && word !== 'free' ? [word.toLowerCase()] : null;
  };
  const words = (...each: readonly string[]): LifeState[] =>
    each.map((word, i) => life('t', name(i + 1), { id: BigInt(i + 1), v: word }));

  it('the elder stands and the younger is held, whatever the policy, for every order of arrival', () => {
    const lives = words('Neo', 'NEO', 'other', 'neo');
    const expected = ['t 1 visible 1', 't 2 held 2', 't 3 visible 3', 't 4 held 4'];
    for (const order of [lives, lives.toReversed()]) {
      const of = view(schema, order, { surroundings: { computedUnique: lowered } });
      assert.deepEqual(statuses(of), expected);
      assert.deepEqual(confirmations(of, dutiesOf(a)), [], 'nothing is written for it');
    }
  });

  it('a row that the index has not stands beside others like it', () => {
    const of = view(schema, words('free', 'free'), { surroundings: { computedUnique: lowered } });
    assert.deepEqual(statuses(of), ['t 1 visible 1', 't 2 visible 2']);
  });
});

describe('numbers', () => {
  it('the elder of two rows keeps a generated number and the younger shows a negative substitute', () => {
    const of = view(
      [table('t')],
      [life('t', name(2, b), { id: 57n, v: 'y' }), life('t', name(1), { id: 57n, v: 'x' })],
    );
    assert.equal(of.rows[0]?.key[0], 57n);
    const [substitute] = of.rows[1]?.key ?? [];
    assert.ok(typeof substitute === 'bigint' && substitute < 0n && substitute > -(2n ** 31n));
    assert.equal(-substitute % 1_000_000n, 57n);
    assert.equal(of.rows[1]?.isProvisional, true);
  });

  it('a substitute that a row outside shows is passed over', () => {
    const lives = [life('t', name(1), { id: 57n }), life('t', name(2, b), { id: 57n })];
    const first = view([table('t')], lives).rows[1]?.key[0];
    const second = view([table('t')], lives, { surroundings: { isNumberTaken: (_, n) => n === first } }).rows[1]
      ?.key[0];
    assert.notEqual(first, second);
  });

  it('the origin of the younger row confirms its number by a weak stamp', () => {
    const of = view([table('t')], [life('t', name(1), { id: 57n }), life('t', name(2, b), { id: 57n })]);
    const [change, ...rest] = confirmations(of, dutiesOf(b));
    assert.deepEqual(rest, []);
    assert.ok(change?.kind === 'update');
    assert.deepEqual(change.cells.get('id')?.at, { stamp: 2, origin: b, weak: { depth: 1, stamp: 1000, origin: b } });
    assert.deepEqual(confirmations(of, dutiesOf(a)), []);
  });
});

it('for an adopted row the server that adopted it first confirms', () => {
  const adopted = name(0, genesisOrigin, 7);
  const schema = [table('c', { references: [{ column: 'p_id', to: 'p', onDelete: 'cascade' }] }), table('p')];
  const of = view(schema, [
    life('c', name(5, b), { id: 1n, p_id: to(2) }, adopted),
    life('c', name(4, a), { id: 1n, p_id: to(2) }, adopted),
  ]);
  assert.deepEqual(
    [a, b].map((origin) => confirmations(of, dutiesOf(origin)).length),
    [1, 0],
  );
});

describe('natural keys', () => {
  it('the youngest row shows a natural key, and 1 and 1.0 are one key', () => {
    const natural = table('t', { kind: 'natural', key: ['k'] });
    const of = view([natural], [life('t', name(1), { k: 1n }), life('t', name(2, b), { k: 1 })]);
    assert.deepEqual(statuses(of), ['t 1 key-loser 1', 't 2 visible 1']);
  });

  it('a NOCASE key takes two spellings for one', () => {
    const natural = table('t', { kind: 'natural', key: ['k'], nocase: ['k'] });
    const of = view([natural], [life('t', name(1), { k: 'Abc' }), life('t', name(2, b), { k: 'aBC' })]);
    assert.deepEqual(
      of.rows.map((row) => row.status),
      ['key-loser', 'visible'],
    );
  });

  it('rows of a join table clash when they mean the same parents, not when only their raw numbers agree', () => {
    const schema = [
      table('p'),
      table('link', {
        kind: 'natural',
        key: ['p_id', 'k'],
        references: [{ column: 'p_id', to: 'p', onDelete: 'cascade' }],
      }),
    ];
    const parents = [life('p', name(1), { id: 57n }), life('p', name(2, b), { id: 57n })];
    const apart = view(schema, [
      ...parents,
      life('link', name(3), { p_id: to(1), k: 'x' }),
      life('link', name(4, b), { p_id: to(2, b), k: 'x' }),
    ]);
    assert.deepEqual(
      apart.rows.map((row) => row.status),
      ['visible', 'visible', 'visible', 'visible'],
    );
    const same = view(schema, [
      ...parents,
      life('link', name(3), { p_id: to(1), k: 'x' }),
      life('link', name(4, b), { p_id: to(1), k: 'x' }),
    ]);
    assert.deepEqual(
      same.rows.map((row) => row.status),
      ['visible', 'visible', 'key-loser', 'visible'],
    );
  });
});

describe('references', () => {
  it('a child follows its own parent to the substitute number', () => {
    const of = view(childAndParent('restrict'), [
      life('p', name(1), { id: 57n }),
      life('p', name(2, b), { id: 57n }),
      life('c', name(3, b), { id: 1n, p_id: to(2, b) }),
    ]);
    assert.equal(of.rows[2]?.values.get('p_id'), of.rows[1]?.key[0]);
  });

  it('SET NULL shows null, unless the column cannot be null: then the parent comes back', () => {
    const orphan = [life('c', name(3, b), { id: 1n, p_id: to(2) })];
    assert.deepEqual(statuses(view(childAndParent('set null'), orphan)), ['c 3 visible 1']);
    const refused = view(childAndParent('set null', ['p_id']), orphan);
    assert.deepEqual(statuses(refused), ['c 3 awaiting-parent 1']);
    const cells = new Map<string, Cell>([['id', { value: 2n, at: { stamp: 2 as Stamp, origin: a } }]]);
    const [revival] = confirmations(refused, dutiesOf(b, new Map([[rowKey('p', name(2)), cells]])));
    assert.deepEqual(revival, { kind: 'insert', table: 'p', row: name(2), cells });
  });

  it('CASCADE ends the child, by its origin', () => {
    const of = view(childAndParent('cascade'), [life('c', name(3, b), { id: 1n, p_id: to(2) })]);
    assert.deepEqual(statuses(of), ['c 3 cascading 1']);
    assert.deepEqual(
      confirmations(of, dutiesOf(b)).map((change) => change.kind),
      ['end'],
    );
  });

  it('a parent outside of the component is visible with the key that it shows', () => {
    const of = view(childAndParent('cascade'), [life('c', name(3), { id: 1n, p_id: to(2) })], {
      surroundings: { keyOfRow: () => [9n] },
    });
    assert.equal(of.rows[0]?.values.get('p_id'), 9n);
    assert.equal(of.rows[0]?.status, 'visible');
  });

  it('a tree in one table goes with its root, from the top down', () => {
    const tree = table('t', { references: [{ column: 'up', to: 't', onDelete: 'cascade' }] });
    const of = view([tree], [life('t', name(2), { id: 2n, up: to(1) }), life('t', name(3), { id: 3n, up: to(2) })]);
    assert.deepEqual(statuses(of), ['t 2 cascading 2', 't 3 parent-hidden 3']);
  });

  it('a child by value waits while nobody shows the key, and is not ended', () => {
    const tags = table('tag', { kind: 'natural', key: ['name'] });
    const child = table('c', { references: [{ column: 'tag', to: 'tag', onDelete: 'cascade', byRow: false }] });
    const row = life('c', name(3), { id: 1n, tag: 'x' });
    assert.deepEqual(statuses(view([tags, child], [row])), ['c 3 awaiting-parent 1']);
    assert.deepEqual(confirmations(view([tags, child], [row]), dutiesOf(a)), []);
    const together = view([tags, child], [row, life('tag', name(9), { name: 'x' })]);
    assert.deepEqual(statuses(together), ['tag 9 visible x', 'c 3 visible 1']);
  });

  it('a child by value whose application does not enforce the reference is shown, until the reference is changed', () => {
    const tags = table('tag', { kind: 'natural', key: ['name'] });
    const mark = danglingColumn(['tag']);
    for (const onDelete of ['restrict', 'cascade', 'set null'] as const) {
      const child = table('c', { references: [{ column: 'tag', to: 'tag', onDelete, byRow: false }] });
      const marked = view([tags, child], [life('c', name(3), { id: 1n, tag: 'x', [mark]: danglingText(['x']) })]);
      assert.deepEqual(statuses(marked), ['c 3 visible 1']);
      assert.equal(marked.rows[0]?.values.get('tag'), 'x');
      const changed = view([tags, child], [life('c', name(3), { id: 1n, tag: 'y', [mark]: danglingText(['x']) })]);
      const isShown = changed.rows[0]?.status === 'visible' && changed.rows[0].values.get('tag') === 'y';
      assert.equal(isShown, false, onDelete);
    }
  });
});

describe('unique columns', () => {
  const two = [life('t', name(1), { id: 1n, mail: 'x' }), life('t', name(2, b), { id: 2n, mail: 'x' })];

  it('the younger row merges, is held, or is renamed, as the table says', () => {
    assert.deepEqual(statuses(view(withUnique('merge'), two)), ['t 1 visible 1', 't 2 merging 2']);
    assert.deepEqual(statuses(view(withUnique('hold'), two)), ['t 1 visible 1', 't 2 held 2']);
    const renaming = view(withUnique('rename'), two);
    const [change] = confirmations(renaming, dutiesOf(b));
    assert.ok(change?.kind === 'update');
    assert.match(valueText(change.cells.get('mail')?.value), /^x~[0-9a-z]{7}$/);
  });

  it('a suffix that would lose against the value before it is given to nobody: the row is held', () => {
    for (const [rule, status] of [
      ['max', 'held'],
      ['min', 'held'],
      ['counter', 'held'],
      ['first-write-wins', 'renaming'],
    ] as const) {
      const ruled = withUnique('rename').map((each) => ({
        ...each,
        columns: each.columns.map((column) => (column.name === 'mail' ? { ...column, rule } : column)),
      }));
      assert.deepEqual(statuses(view(ruled, two)), ['t 1 visible 1', `t 2 ${status} 2`], rule);
    }
  });

  it('after the merge is confirmed both lives are one row, with the key of the elder', () => {
    const of = view(withUnique('merge'), two);
    const [change] = confirmations(of, dutiesOf(b));
    assert.ok(change?.kind === 'merge');
    const aliases = new Map([[rowKey('t', change.from), { to: change.to, at: change.at }]]);
    const after = view(withUnique('merge'), two, { aliases });
    assert.deepEqual(statuses(after), ['t 1 visible 1']);
    assert.equal(after.rows[0]?.lives.length, 2);
  });

  it('two columns together clash only when both do, and never with a NULL in them', () => {
    const both = ['mail', 'name'];
    assert.equal(view(withUnique('hold', both), sameMail('p', 'q')).rows[1]?.status, 'visible');
    assert.equal(view(withUnique('hold', both), sameMail('p', 'p')).rows[1]?.status, 'held');
    assert.equal(view(withUnique('hold', both), sameMail(null, null)).rows[1]?.status, 'visible');
  });
});

it('rows of a bag never clash', () => {
  const bag = table('t', { kind: 'bag', key: [] });
  const of = view([bag], [life('t', name(1), { v: 'x' }), life('t', name(2, b), { v: 'x' })]);
  assert.deepEqual(
    of.rows.map((row) => row.status),
    ['visible', 'visible'],
  );
});
