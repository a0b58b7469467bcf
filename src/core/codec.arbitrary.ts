/** Random changesets and states for the tests of the codecs. */
import * as fc from 'fast-check';
import type { CellStamp } from './cell-stamp.js';
import type { ChangeBlock, Changeset, ChangesetHeader } from './changeset.js';
import type { LifeName } from './life.js';
import { genesisOrigin, type OriginId } from './origin.js';
import { stampMax, type Stamp } from './stamp.js';
import type { AliasState, StateBlock } from './state-block.js';
import { RawText, RowReference, type CellValue, type SqlValue } from './value.js';
import type { ChainHash } from './version-vector.js';

export const originOf = (number: number): OriginId =>
  `abcdefghijk234${'abcdefgh'.charAt(number % 8)}7-${number.toString(16).padStart(8, '0')}` as OriginId;

/** Plain objects, as the codecs make them, since deepEqual compares prototypes. */
const recordOf = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

export const originArbitrary = fc.oneof(
  fc.nat(5).map(originOf),
  fc.constant(genesisOrigin),
  fc.stringMatching(/^[a-z2-7]{16}-[0-9a-f]{8}$/).map((text) => text as OriginId),
);
export const stampArbitrary = fc.oneof(
  fc.maxSafeNat().map((number) => Math.min(number, stampMax) as Stamp),
  fc.nat(100).map((number) => number as Stamp),
  fc.constant(stampMax),
);
export const chainArbitrary = fc.stringMatching(/^[0-9a-f]{16}$/).map((text) => text as ChainHash);

const lifeArbitrary: fc.Arbitrary<LifeName> = recordOf({
  stamp: stampArbitrary,
  origin: originArbitrary,
  index: fc.oneof(fc.nat(1000), fc.maxSafeNat()),
});
export const cellStampArbitrary: fc.Arbitrary<CellStamp> = recordOf({
  stamp: stampArbitrary,
  origin: originArbitrary,
  weak: fc.option(
    recordOf({ depth: fc.integer({ min: 1, max: 1000 }), stamp: stampArbitrary, origin: originArbitrary }),
    { nil: undefined },
  ),
}).map(({ stamp, origin, weak }) => (weak ? { stamp, origin, weak } : { stamp, origin }));

const textArbitrary = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom('', '\u0000', '\uFEFFmark', 'a\u0000b', '🙂', '日本語'),
);
const integerArbitrary = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 52n, -(2n ** 52n), 2n ** 52n + 1n, 0n),
);
const realArbitrary = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, 0, 1, Infinity, -Infinity, 5e-324));
const blobArbitrary = fc.uint8Array({ maxLength: 20 });
const plainArbitraries: fc.Arbitrary<SqlValue>[] = [
  textArbitrary,
  integerArbitrary,
  fc.bigInt({ min: 0n, max: 300n }),
  realArbitrary,
  blobArbitrary,
  blobArbitrary.map((bytes) => new RawText(bytes)),
];
const referenceArbitrary = lifeArbitrary.map((row) => new RowReference(row));

/** Columns of one kind, of one kind with nulls, of nulls, and of every kind. */
function columnArbitrary<T extends CellValue>(kinds: fc.Arbitrary<T>[], count: number): fc.Arbitrary<(T | null)[]> {
  const ofCount = (value: fc.Arbitrary<T | null>): fc.Arbitrary<(T | null)[]> =>
    fc.array(value, { minLength: count, maxLength: count });
  return fc.oneof(
    ...kinds.map(ofCount),
    ...kinds.map((kind) => ofCount(fc.option(kind))),
    ofCount(fc.constant(null)),
    ofCount(fc.oneof(fc.constant(null), ...kinds)),
  );
}

const sqlValueArbitrary: fc.Arbitrary<SqlValue> = fc.oneof(fc.constant(null), ...plainArbitraries);
export const cellValueArbitrary: fc.Arbitrary<CellValue> = fc.oneof(sqlValueArbitrary, referenceArbitrary);
const cellColumnArbitrary = (count: number): fc.Arbitrary<CellValue[]> =>
  columnArbitrary<CellValue>([...plainArbitraries, referenceArbitrary], count);
const keyColumnArbitrary = (count: number): fc.Arbitrary<SqlValue[]> => columnArbitrary(plainArbitraries, count);

const namesArbitrary = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }), { maxLength: 4 });
const exactly = <T>(value: fc.Arbitrary<T>, count: number): fc.Arbitrary<T[]> =>
  fc.array(value, { minLength: count, maxLength: count });
const columnsArbitrary = <T>(
  names: readonly string[],
  column: (count: number) => fc.Arbitrary<T[]>,
  count: number,
): fc.Arbitrary<T[][]> => fc.tuple(...names.map(() => column(count)));

function byPositionArbitrary<T>(value: fc.Arbitrary<T>, count: number): fc.Arbitrary<Map<number, T>> {
  if (count === 0) return fc.constant(new Map());
  const entry = fc.tuple(fc.nat(count - 1), value);
  const entries = fc.uniqueArray(entry, { selector: ([position]) => position, maxLength: 3 });
  return entries.map((found) => new Map(found.toSorted((a, b) => a[0] - b[0])));
}

const exceptionsArbitrary = (count: number, columnCount: number): fc.Arbitrary<Map<number, Map<number, CellStamp>>> =>
  columnCount === 0
    ? fc.constant(new Map())
    : byPositionArbitrary(
        byPositionArbitrary(cellStampArbitrary, columnCount).filter((found) => found.size > 0),
        count,
      );

const tableArbitrary = fc.constantFrom('customer', 'Bestellung größer', 'x');
const shapeArbitrary = recordOf({
  table: tableArbitrary,
  count: fc.integer({ min: 1, max: 40 }),
  columns: namesArbitrary,
  keyColumns: namesArbitrary,
});

const insertArbitrary = shapeArbitrary.chain(({ table, count, columns }) =>
  recordOf({
    kind: fc.constant('insert' as const),
    table: fc.constant(table),
    count: fc.constant(count),
    columns: fc.constant(columns),
    indexes: exactly(fc.oneof(fc.nat(100), fc.maxSafeNat()), count),
    rows: byPositionArbitrary(lifeArbitrary, count),
    times: exactly(stampArbitrary, count),
    cellStamps: exceptionsArbitrary(count, columns.length),
    values: columnsArbitrary(columns, cellColumnArbitrary, count),
  }),
);

const lifeListsArbitrary = (count: number): fc.Arbitrary<LifeName[][]> =>
  fc.oneof(
    exactly(fc.array(lifeArbitrary, { minLength: 1, maxLength: 1 }), count),
    exactly(fc.array(lifeArbitrary, { minLength: 1, maxLength: 3 }), count),
  );

const updateArbitrary = shapeArbitrary.chain(({ table, count, columns, keyColumns }) =>
  recordOf({
    kind: fc.constant('update' as const),
    table: fc.constant(table),
    count: fc.constant(count),
    columns: fc.constant(columns),
    lives: lifeListsArbitrary(count),
    keyColumns: fc.constant(keyColumns),
    keys: columnsArbitrary(keyColumns, keyColumnArbitrary, count),
    times: exactly(stampArbitrary, count),
    cellStamps: exceptionsArbitrary(count, columns.length),
    values: columnsArbitrary(columns, cellColumnArbitrary, count),
  }),
);

const endArbitrary = shapeArbitrary.chain(({ table, count, keyColumns }) =>
  recordOf({
    kind: fc.constant('end' as const),
    table: fc.constant(table),
    count: fc.constant(count),
    why: fc.constantFrom('delete' as const, 'cascade' as const, 'rekey' as const),
    lives: lifeListsArbitrary(count),
    keyColumns: fc.constant(keyColumns),
    keys: columnsArbitrary(keyColumns, keyColumnArbitrary, count),
  }),
);

const mergeArbitrary = shapeArbitrary.chain(({ table, count }) =>
  recordOf({
    kind: fc.constant('merge' as const),
    table: fc.constant(table),
    count: fc.constant(count),
    from: exactly(lifeArbitrary, count),
    to: exactly(lifeArbitrary, count),
    at: exactly(cellStampArbitrary, count),
  }),
);

const blockArbitrary: fc.Arbitrary<ChangeBlock> = fc.oneof(
  insertArbitrary,
  updateArbitrary,
  endArbitrary,
  mergeArbitrary,
);

const headerArbitrary: fc.Arbitrary<ChangesetHeader> = recordOf({
  origin: originArbitrary,
  stamp: stampArbitrary.filter((stamp) => stamp > 0),
  before: fc.nat(1000),
  prevChain: chainArbitrary,
  seen: fc
    .array(fc.tuple(originArbitrary, recordOf({ stamp: stampArbitrary, chain: chainArbitrary })), { maxLength: 4 })
    .map((entries) => new Map(entries)),
  isDuty: fc.boolean(),
}).map(({ before, ...header }) => ({ ...header, prev: Math.max(header.stamp - 1 - before, 0) as Stamp }));

export const changesetArbitrary: fc.Arbitrary<Changeset> = recordOf({
  header: headerArbitrary,
  blocks: fc.array(blockArbitrary, { maxLength: 5 }),
});

export const stateBlockArbitrary: fc.Arbitrary<StateBlock> = shapeArbitrary.chain(
  ({ table, count, columns, keyColumns }) =>
    recordOf({
      table: fc.constant(table),
      count: fc.constant(count),
      columns: fc.constant(columns),
      keyColumns: fc.constant(keyColumns),
      lives: exactly(lifeArbitrary, count),
      rows: byPositionArbitrary(lifeArbitrary, count),
      stamps: exactly(cellStampArbitrary, count),
      cellStamps: exceptionsArbitrary(count, columns.length),
      values: columnsArbitrary(columns, cellColumnArbitrary, count),
      keys: exactly(fc.option(fc.tuple<SqlValue[]>(...keyColumns.map(() => sqlValueArbitrary))), count),
    }),
);

export const aliasArbitrary: fc.Arbitrary<AliasState> = recordOf({
  table: tableArbitrary,
  from: lifeArbitrary,
  to: lifeArbitrary,
  at: cellStampArbitrary,
});

/** Blocks change by change, so that a block which was split compares equal to the whole one. */
export function changesOf(blocks: readonly ChangeBlock[]): unknown[] {
  return blocks.flatMap((block) => Array.from({ length: block.count }, (_, i) => changeOf(block, i)));
}

function changeOf(block: ChangeBlock, i: number): unknown {
  const { kind, table } = block;
  switch (block.kind) {
    case 'insert':
      return {
        kind,
        table,
        columns: block.columns,
        index: block.indexes[i],
        row: block.rows.get(i),
        ...writeOf(block, i),
      };
    case 'update':
      return { kind, table, columns: block.columns, lives: block.lives[i], ...keyOf(block, i), ...writeOf(block, i) };
    case 'end':
      return { kind, table, why: block.why, lives: block.lives[i], ...keyOf(block, i) };
    case 'merge':
      return { kind, table, from: block.from[i], to: block.to[i], at: block.at[i] };
  }
}

type WriteBlock = Extract<ChangeBlock, { kind: 'insert' | 'update' }>;
type KeyedBlock = Extract<ChangeBlock, { kind: 'update' | 'end' }>;

const writeOf = (block: WriteBlock, i: number): object => ({
  time: block.times[i],
  cellStamps: block.cellStamps.get(i),
  values: block.values.map((column) => column[i]),
});

const keyOf = (block: KeyedBlock, i: number): object => ({
  keyColumns: block.keyColumns,
  key: block.keys.map((column) => column[i]),
});
