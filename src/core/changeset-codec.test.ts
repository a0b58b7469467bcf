/**
 * Goal: what is encoded is decoded as it was, for every kind of value and block, in parts of any size; and whatever
 * else the decoder is given, it refuses with a SyncError. Method: random changesets (fast-check prints the seed), and
 * damaged copies of what the encoder makes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { compressBytes, decompressBytes } from '../system/compression.js';
import { createByteWriter } from './byte-writer.js';
import { decodePart, type DecodedPart } from './changeset-decoder.js';
import { createChangesetEncoder, type EncoderOptions } from './changeset-encoder.js';
import type { Changeset, ChangesetHeader, ChangesetPart, InsertBlock } from './changeset.js';
import { changesetArbitrary, changesOf, originOf } from './codec.arbitrary.js';
import { writeColumn } from './column-encoder.js';
import {
  columnsMax,
  compressedBodyBytesMax,
  livesPerChangeMax,
  nameBytesMax,
  originsMax,
  rowBytesMax,
  rowsPerPartMax,
} from './limits.js';
import { writeLives } from './life-codec.js';
import { createPartWriter, writeOrigin, type PartWriter } from './part-dictionary.js';
import type { Stamp } from './stamp.js';
import { SyncError } from './sync-error.js';
import { RowReference, type CellValue } from './value.js';
import { emptyChain } from './version-vector.js';

const encode = ({ header, blocks }: Changeset, options: EncoderOptions = {}): ChangesetPart[] => {
  const encoder = createChangesetEncoder(header, options);
  const parts = blocks.flatMap((block) => encoder.add(block));
  return [...parts, ...encoder.finish()];
};

const decodeBytes = (bytes: Uint8Array): DecodedPart => decodePart(bytes, { decompress: decompressBytes });

const decode = (parts: readonly ChangesetPart[]): Changeset => {
  const decoded = parts.map((part) => decodePart(part.bytes, { decompress: decompressBytes, expect: part }));
  const header = decoded[0]?.header;
  assert.ok(header);
  return { header, blocks: decoded.flatMap((part) => part.blocks) };
};

const stamp = (2 ** 50) as Stamp;
const header: ChangesetHeader = {
  origin: originOf(1),
  stamp,
  prev: 0 as Stamp,
  prevChain: emptyChain,
  seen: new Map(),
  isDuty: false,
};

const insertOf = (values: Readonly<Record<string, readonly CellValue[]>>, table = 'item'): InsertBlock => {
  const count = Object.values(values)[0]?.length ?? 0;
  return {
    kind: 'insert',
    table,
    count,
    columns: Object.keys(values),
    indexes: Array.from({ length: count }, (_, i) => i),
    rows: new Map(),
    times: Array.from({ length: count }, () => stamp),
    cellStamps: new Map(),
    values: Object.values(values),
  };
};

const isRefusal = (error: unknown): boolean =>
  error instanceof SyncError && (error.code === 'USYNC-1504' || error.code === 'USYNC-1507');
const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof SyncError && error.code === code;

/** A part from a body made by hand. */
function partAround(body: Uint8Array, flags = 2): Uint8Array {
  const out = createByteWriter(64);
  out.byte(1);
  out.byte(flags);
  writeOrigin(out, header.origin);
  out.varint(stamp);
  out.varint(1);
  out.raw(body);
  return out.copy();
}

test('a changeset of any kinds of blocks and values comes back as it was, whatever the size of its parts (C1, C4)', () => {
  fc.assert(
    fc.property(changesetArbitrary, fc.integer({ min: 1, max: 2000 }), fc.boolean(), (changeset, target, packed) => {
      const options = packed ? { partBytesTarget: target, compress: compressBytes } : { partBytesTarget: target };
      const back = decode(encode(changeset, options));
      assert.deepEqual(back.header, changeset.header);
      assert.deepEqual(changesOf(back.blocks), changesOf(changeset.blocks));
    }),
    { numRuns: 150, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
  );
});

test('a part can be decoded without the parts before it (C2)', () => {
  const block = insertOf({ name: Array.from({ length: 3000 }, (_, i) => `name ${i}`) });
  const parts = encode({ header, blocks: [block] }, { partBytesTarget: 4096 });
  const back = parts.toReversed().map((part) => decodeBytes(part.bytes));
  assert.deepEqual(changesOf(back.toReversed().flatMap((part) => part.blocks)), changesOf([block]));
});

test('parts stay near the size that was asked for, are counted, and only the first holds the header (C1, C12)', () => {
  const block = insertOf({ id: Array.from({ length: 20_000 }, (_, i) => BigInt(i)) });
  const parts = encode({ header, blocks: [block, block] }, { partBytesTarget: 8192 });
  assert.ok(parts.length > 5);
  assert.ok(parts.every((part) => part.bytes.length < 10_000));
  assert.deepEqual(
    parts.map((part) => [part.part, part.isLast]),
    parts.map((_, i) => [i, i === parts.length - 1]),
  );
  assert.deepEqual(
    parts.map((part) => decodeBytes(part.bytes).header !== undefined),
    parts.map((_, i) => i === 0),
  );
});

test('a changeset without changes is one part with its header', () => {
  const parts = encode({ header, blocks: [] });
  assert.equal(parts.length, 1);
  assert.deepEqual(decode(parts), { header, blocks: [] });
});

test('a single value may be far larger than a part', () => {
  const blob = new Uint8Array(3_000_000).map((_, i) => i * 7);
  const block = insertOf({ data: [blob, new Uint8Array(1)], text: ['ü'.repeat(1_000_000), ''] });
  for (const compress of [compressBytes, (raw: Uint8Array) => raw]) {
    const parts = encode({ header, blocks: [block] }, { partBytesTarget: 1000, compress });
    assert.deepEqual(changesOf(decode(parts).blocks), changesOf([block]));
  }
});

test('a value beyond what may be compressed travels raw', () => {
  const block = insertOf({ data: [new Uint8Array(compressedBodyBytesMax)] });
  const parts = encode({ header, blocks: [block] }, { compress: compressBytes });
  assert.ok(parts.reduce((sum, part) => sum + part.bytes.length, 0) > compressedBodyBytesMax);
  const [back] = decode(parts).blocks;
  const value = back?.kind === 'insert' ? back.values[0]?.[0] : undefined;
  assert.equal(value instanceof Uint8Array && value.length, compressedBodyBytesMax);
});

test('rows of nulls only are split as well', () => {
  const block = insertOf({ a: Array.from({ length: rowsPerPartMax + 10 }, () => null) });
  assert.equal(
    changesOf(decode(encode({ header, blocks: [block] }, { partBytesTarget: 10_000_000 })).blocks).length,
    block.count,
  );
});

test('a row beyond the limit is refused by the encoder', () => {
  const block = insertOf({ data: [new Uint8Array(rowBytesMax + 20 * 1024 * 1024)] });
  assert.throws(() => encode({ header, blocks: [block] }), hasCode('USYNC-1507'));
  const longName = insertOf({ ['x'.repeat(nameBytesMax + 1)]: [1n] });
  assert.throws(() => encode({ header, blocks: [longName] }), hasCode('USYNC-1507'));
});

test('a block whose columns differ in length is refused by the encoder', () => {
  const block = insertOf({ a: [1n, 2n], b: [1n] });
  assert.throws(() => encode({ header, blocks: [block] }), hasCode('USYNC-1001'));
});

test('what the decoder would refuse is refused by the encoder (C7)', () => {
  const columns = Object.fromEntries(Array.from({ length: columnsMax + 1 }, (_, i) => [`c${i}`, [1n]]));
  assert.throws(() => encode({ header, blocks: [insertOf(columns)] }), hasCode('USYNC-1507'));
  const at = { stamp, origin: header.origin };
  const strayStamp = { ...insertOf({ a: [1n] }), cellStamps: new Map([[0, new Map([[1, at]])]]) };
  assert.throws(() => encode({ header, blocks: [strayStamp] }), hasCode('USYNC-1001'));
  const end = { kind: 'end', table: 'item', count: 1, why: 'delete', keyColumns: [], keys: [] } as const;
  assert.throws(() => encode({ header, blocks: [{ ...end, lives: [[]] }] }), hasCode('USYNC-1001'));
  const lives = Array.from({ length: livesPerChangeMax + 1 }, (_, index) => ({ ...at, index }));
  assert.throws(() => encode({ header, blocks: [{ ...end, lives: [lives] }] }), hasCode('USYNC-1507'));
  assert.throws(() => encode({ header: { ...header, prev: stamp }, blocks: [] }), hasCode('USYNC-1001'));
  const origins = Array.from({ length: originsMax }, (_, i) => originOf(i + 2));
  const from = origins.map((origin) => ({ stamp, origin, index: 0 }));
  const merge = { kind: 'merge', table: 'item', count: from.length, from, to: from, at: from } as const;
  assert.throws(() => encode({ header, blocks: [merge] }, { partBytesTarget: 2 ** 28 }), hasCode('USYNC-1507'));
});

test('the largest row that the bounds allow comes back', () => {
  const columns = Object.fromEntries(
    Array.from({ length: columnsMax }, (_, i) => [`c${i}`, [i % 3 === 0 ? null : 'x']]),
  );
  const block = insertOf(columns);
  assert.deepEqual(changesOf(decode(encode({ header, blocks: [block, block] })).blocks), changesOf([block, block]));
});

test('text with half a character is refused by the encoder, also where two halves would join', () => {
  for (const texts of [['\ud83d'], ['\udc00x'], ['a\ud83d', '\ude42b']]) {
    assert.throws(() => encode({ header, blocks: [insertOf({ text: texts })] }), hasCode('USYNC-1001'));
  }
});

test('blobs do not share memory with the bytes that they were decoded from', () => {
  const [part] = encode({ header, blocks: [insertOf({ data: [Uint8Array.of(1, 2, 3)] })] });
  assert.ok(part);
  const received = Buffer.from(part.bytes);
  const back = decodeBytes(received);
  received.fill(0);
  assert.deepEqual(back.blocks[0]?.kind === 'insert' && back.blocks[0].values, [[Uint8Array.of(1, 2, 3)]]);
});

test('a part that is not the announced one is refused (C9)', () => {
  const [part] = encode({ header, blocks: [] });
  assert.ok(part);
  const others = [{ origin: originOf(2) }, { stamp: (stamp + 1) as Stamp }, { part: 1 }, { isLast: false }];
  for (const expect of others) {
    assert.throws(() => decodePart(part.bytes, { decompress: decompressBytes, expect }), hasCode('USYNC-1504'));
  }
});

test('a part that was cut anywhere, or has bytes behind its end, is refused (C5)', () => {
  fc.assert(
    fc.property(
      changesetArbitrary,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 9 }),
      (changeset, seed, more) => {
        for (const { bytes } of encode(changeset, { partBytesTarget: 700 })) {
          assert.throws(() => decodeBytes(bytes.subarray(0, seed % bytes.length)), isRefusal);
          assert.throws(() => decodeBytes(Buffer.concat([bytes, more])), isRefusal);
        }
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
});

/** Passes when the bytes are refused or read; anything else that is thrown is a crash. */
function readOrRefuse(bytes: Uint8Array): void {
  try {
    decodeBytes(bytes);
  } catch (error) {
    assert.ok(isRefusal(error), String(error));
  }
}

test('damaged parts are refused or read as something else, never more', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 127, 128, 255))), {
    minLength: 1,
    maxLength: 4,
  });
  const damages = fc.array(damage, { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(changesetArbitrary, damages, (changeset, all) => {
      for (const { bytes } of encode(changeset, { partBytesTarget: 1000 })) {
        for (const one of all) {
          const copy = bytes.slice();
          for (const [position, value] of one) copy[position % copy.length] = value;
          readOrRefuse(copy);
        }
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
});

test('random bytes are refused or read, as a whole part and as a body', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(() => decodeBytes(Uint8Array.of(0, ...bytes)), isRefusal);
      readOrRefuse(bytes);
      readOrRefuse(partAround(bytes));
      readOrRefuse(partAround(bytes, 3));
      // The start of an insert into one named column, so that the rest reaches the readers of columns.
      readOrRefuse(partAround(Uint8Array.of(1, 0, 1, 97, 1 + ((bytes[0] ?? 0) % 9), 1, 1, 1, 98, ...bytes)));
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
  );
});

test('an unknown format or flag is refused', () => {
  const [part] = encode({ header, blocks: [] });
  assert.ok(part);
  for (const [position, value] of [
    [0, 2],
    [1, 4],
    [1, 130],
  ] as const) {
    const copy = part.bytes.slice();
    copy[position] = value;
    assert.throws(() => decodeBytes(copy), hasCode('USYNC-1504'));
  }
});

test('few bytes cannot make the decoder hold millions of cells', () => {
  const body = createByteWriter();
  const part = createPartWriter(body, stamp, [header.origin]);
  body.byte(1);
  part.name('item');
  body.varint(60_000);
  body.varint(1000);
  for (let i = 0; i < 1000; i++) part.name(`c${i}`);
  body.raw(new Uint8Array(200_000));
  assert.throws(() => decodeBytes(partAround(body.copy())), hasCode('USYNC-1507'));
});

test('counts that do not fit what is left are refused before anything is allocated (C6)', () => {
  for (const count of [2 ** 16, 2 ** 31, 2 ** 53 - 1]) {
    const body = createByteWriter();
    const part = createPartWriter(body, stamp, [header.origin]);
    body.byte(1);
    part.name('item');
    body.varint(count);
    body.raw(new Uint8Array(64));
    assert.throws(() => decodeBytes(partAround(body.copy())), isRefusal);
  }
});

test('a body that would be larger than it states, or than any may be, is refused (C10)', () => {
  const bomb = compressBytes(new Uint8Array(8_000_000));
  assert.ok(bomb.length < 10_000);
  for (const stated of [1, 100_000, 8_000_001, compressedBodyBytesMax + 1, 2 ** 40]) {
    const body = createByteWriter();
    body.varint(stated);
    body.raw(bomb);
    assert.throws(() => decodeBytes(partAround(body.copy(), 3)), isRefusal);
  }
});

/** The body of an end of two lives, whose one key column the caller writes. */
function endWithKey(writeKey: (part: PartWriter) => void): Uint8Array {
  const body = createByteWriter();
  const part = createPartWriter(body, stamp, [header.origin]);
  body.byte(3);
  part.name('item');
  body.raw(Uint8Array.of(2, 0, 0));
  const lives = [0, 1].map((index) => ({ stamp, origin: header.origin, index }));
  writeLives(part, lives);
  body.varint(1);
  part.name('id');
  writeKey(part);
  body.byte(0);
  return partAround(body.copy());
}

const textKey = (lengths: readonly number[], text: string): Uint8Array =>
  endWithKey(({ out }) => {
    const utf8 = new TextEncoder().encode(text);
    out.raw(Uint8Array.of(4, ...lengths, utf8.length, 0, 0, 0, ...utf8));
  });

test('lengths of texts use up their bytes and split no character (C13)', () => {
  const [block] = decodeBytes(textKey([1, 2], 'a🙂')).blocks;
  assert.deepEqual(block?.kind === 'end' && block.keys, [['a', '🙂']]);
  for (const lengths of [
    [2, 1],
    [1, 1],
    [1, 3],
    [3, 1],
  ]) {
    assert.throws(() => decodeBytes(textKey(lengths, 'a🙂')), hasCode('USYNC-1504'));
  }
});

test('a key that holds a reference is refused (C14)', () => {
  const rows = [1n, new RowReference({ stamp, origin: header.origin, index: 1 })];
  assert.throws(() => decodeBytes(endWithKey((part) => writeColumn(part, rows, 0, 2))), /reference/);
});

test('columns inside columns, and kinds other than a mixed column says, are refused (C15)', () => {
  for (const column of [
    [9, 3, 0],
    [9, 3, 9, 3, 1, 0, 0],
    [9, 3, 8, 1, 1, 1, 0, 0],
    [8, 1, 1, 3, ...new Uint8Array(16)],
    [8, 2, 2, 2, ...new Uint8Array(16)],
    [8, 8, 8, 1, 0, 0],
  ]) {
    assert.throws(() => decodeBytes(endWithKey(({ out }) => out.raw(Uint8Array.from(column)))), hasCode('USYNC-1504'));
  }
});

test('a column that is named twice is refused', () => {
  const body = createByteWriter();
  const part = createPartWriter(body, stamp, [header.origin]);
  body.byte(1);
  part.name('item');
  body.varint(1);
  body.varint(2);
  part.name('a');
  part.name('a');
  body.raw(new Uint8Array(64));
  assert.throws(() => decodeBytes(partAround(body.copy())), /named twice/);
});
