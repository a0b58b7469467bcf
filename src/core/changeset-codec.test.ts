/**
 * Goal: what is encoded is decoded as it was, for every kind of value and block, in parts of any size; and whatever
 * else the decoder is given, it refuses with a SyncError. Method: random changesets (fast-check prints the seed), and
 * damaged copies of what the encoder makes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compressBytes, decompressBytes } from '../system/compression.js';
import { decodePart } from './changeset-decoder.js';
import { createChangesetEncoder, type EncoderOptions } from './changeset-encoder.js';
import type { Changeset, ChangesetPart } from './changeset.js';
import { changesetArbitrary, changesOf } from './codec.arbitrary.js';

const encode = ({ header, blocks }: Changeset, options: EncoderOptions = {}): ChangesetPart[] => {
  const encoder = createChangesetEncoder(header, options);
  const parts = blocks.flatMap((block) => encoder.add(block));
  return [...parts, ...encoder.finish()];
};

const decode = (parts: readonly ChangesetPart[]): Changeset => {
  const decoded = parts.map((part) => decodePart(part.bytes, { decompress: decompressBytes, expect: part }));
  const header = decoded[0]?.header;
  assert.ok(header);
  return { header, blocks: decoded.flatMap((part) => part.blocks) };
};

test('a changeset of any kinds of blocks and values comes back as it was, whatever the size of its parts', () => {
  fc.assert(
    fc.property(changesetArbitrary, fc.integer({ min: 1, max: 2000 }), fc.boolean(), (changeset, target, packed) => {
      const options = packed ? { partBytesTarget: target, compress: compressBytes } : { partBytesTarget: target };
      const back = decode(encode(changeset, options));
      assert.deepEqual(back.header, changeset.header);
      assert.deepEqual(changesOf(back.blocks), changesOf(changeset.blocks));
    }),
    { numRuns: 300 },
  );
});
