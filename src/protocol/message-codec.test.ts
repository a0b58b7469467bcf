/** Frames: what is written is read; what was not written is refused with a code, whatever it is (W1 to W6). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Epoch, OriginId, ServerId } from '../core/origin.js';
import { originIdOf } from '../core/origin.js';
import { stampMax, type Stamp } from '../core/stamp.js';
import { SyncError } from '../core/sync-error.js';
import { RawText, type SqlValue } from '../core/value.js';
import type { ChainHash, VectorEntry, VersionVector } from '../core/version-vector.js';
import type { ContentRequest } from '../core/content-request.js';
import type { EntryVersion } from '../core/entry.js';
import type { Answer, HelloMessage, Message, Question } from './message.js';
import { decodeHello, decodeMessage, encodeMessage, protocolMagic } from './message-codec.js';
import { frameBytesMax } from './protocol-limits.js';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const server = fc
  .array(fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'.split('')), { minLength: 16, maxLength: 16 })
  .map((letters) => letters.join('') as ServerId);
const origin: fc.Arbitrary<OriginId> = fc.tuple(server, hex(4)).map(([id, epoch]) => originIdOf(id, epoch as Epoch));
const stamp = fc.integer({ min: 0, max: stampMax }).map((number) => number as Stamp);
const vector: fc.Arbitrary<VersionVector> = fc
  .array(fc.tuple(origin, stamp, hex(8)), { maxLength: 8 })
  .map((entries) => {
    const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
    return new Map<OriginId, VectorEntry>(
      sorted.map(([id, at, chain]) => [id, { stamp: at, chain: chain as ChainHash }]),
    );
  });
const count = fc.nat({ max: 2 ** 31 - 1 });
const dataset = fc.nat({ max: 1023 });
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const bytes = fc.uint8Array({ maxLength: 300 });
const hash = fc.maxSafeNat().map((value) => value % 2 ** 48);
const digest = fc
  .uniqueArray(fc.tuple(text, record({ rows: count, sum: hash })), { selector: ([table]) => table, maxLength: 6 })
  .map((tables) => new Map(tables));
const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  text,
  bytes,
  bytes.map((raw) => new RawText(raw)),
);
const proof = record({ vector, digest, leftOut: fc.array(text, { maxLength: 4 }), held: count });
const contentRequest: fc.Arbitrary<ContentRequest> = record({
  version: fc.tuple(fc.constantFrom('f', 'm'), fc.integer()).map(([kind, number]) => {
    return `${kind}:${String(Math.abs(number)).padStart(43, '_')}` as EntryVersion;
  }),
  part: fc.constantFrom('content' as const, 'list' as const),
  offset: count,
  length: fc.nat({ max: 16_000 }),
});
const question: fc.Arbitrary<Question> = fc.oneof(
  fc.constant<Question>({ kind: 'digest' }),
  record({ kind: fc.constant('sums' as const), table: text, buckets: fc.integer({ min: 1, max: 65_536 }) }),
  record({
    kind: fc.constant('rows' as const),
    table: text,
    buckets: fc.constant(500),
    chosen: fc.array(fc.nat({ max: 499 }), { maxLength: 9 }),
    rowsMax: fc.integer({ min: 1, max: 4096 }),
  }),
  record({ kind: fc.constant('content' as const), requests: fc.array(contentRequest, { maxLength: 8 }) }),
);
const row = record({ bucket: count, key: fc.array(value, { maxLength: 4 }), hash });
const answer: fc.Arbitrary<Answer> = fc.oneof(
  proof.map((content) => ({ kind: 'digest' as const, ...content })),
  record({ kind: fc.constant('sums' as const), sums: fc.array(hash, { maxLength: 9 }) }),
  record({ kind: fc.constant('rows' as const), rows: fc.array(row, { maxLength: 5 }) }),
  record({ kind: fc.constant('failed' as const), code: text, text }),
  record({ kind: fc.constant('content' as const), pieces: fc.array(fc.option(bytes), { maxLength: 8 }) }),
);
/** Stamps grow, and each point's `prev` is the one before it. */
const history = fc
  .tuple(stamp, fc.array(fc.tuple(fc.integer({ min: 1, max: 1000 }), hex(8)), { maxLength: 8 }))
  .map(([start, steps]) => {
    let prev = Math.min(start, 2 ** 40);
    return steps.map(([step, chain]) => {
      const point = { stamp: (prev + step) as Stamp, prev: prev as Stamp, chain: chain as ChainHash };
      prev += step;
      return point;
    });
  });
const piece = record({ origin, stamp, part: count, isLast: fc.boolean(), rest: fc.nat({ max: 10_000 }), bytes });

const of = (kind: Message['kind'], fields: object): fc.Arbitrary<Message> =>
  record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Message>;

const message: fc.Arbitrary<Message> = fc.oneof(
  of('close', { code: text, text }),
  of('open', {}),
  of('wait', { text, members: fc.array(hex(32), { maxLength: 5 }) }),
  of('ping', { nonce: count }),
  of('pong', { nonce: count, wallMs: fc.maxSafeNat() }),
  of('links', { servers: fc.array(server, { maxLength: 5 }) }),
  of('have', { dataset, isWhole: fc.boolean(), isFresh: fc.boolean(), isLanding: fc.boolean(), vector }),
  of('credit', { dataset, bytes: count }),
  of('parts', { dataset, stream: count, pieces: fc.array(piece, { maxLength: 5 }) }),
  of('again', { dataset, stream: count, vector }),
  of('behind', { dataset }),
  of('ack', { dataset, vector }),
  of('snapshot-want', { dataset, stream: count }),
  of('snapshot-begin', { dataset, stream: count, vector, rows: count }),
  of('snapshot-piece', { dataset, stream: count, rest: fc.nat({ max: 10_000 }), bytes }),
  of('snapshot-end', { dataset, stream: count, chunks: count }),
  of('snapshot-abort', { dataset, stream: count, text }),
  of('paused', { dataset, code: text, text }),
  proof.chain((content) => of('proof', { dataset }).map((base) => ({ ...base, ...content }))),
  of('fork', { dataset, origin, history }),
  of('ask', { dataset, id: count, question }),
  of('answer', { id: count, answer }),
);
const hello: fc.Arbitrary<HelloMessage> = record({
  kind: fc.constant('hello' as const),
  versionMin: fc.constant(1),
  versionMax: fc.integer({ min: 1, max: 9 }),
  server,
  name: text,
  bootNonce: hex(16),
  addresses: fc.array(text, { maxLength: 4 }),
  datasets: fc.uniqueArray(text, { maxLength: 5 }),
  pairing: fc.option(record({ invite: hex(8), proof: hex(32) })),
});

const isRefusal = (error: unknown): boolean =>
  error instanceof SyncError && ['USYNC-1502', 'USYNC-1503', 'USYNC-1504', 'USYNC-1507'].includes(error.code);

test('every message comes back as it was (W1)', () => {
  fc.assert(
    fc.property(message, (sent) => assert.deepEqual(decodeMessage(encodeMessage(sent)), sent)),
    { numRuns: 1500 },
  );
});

test('every hello comes back as it was, and starts with the magic (W2)', () => {
  fc.assert(
    fc.property(hello, (sent) => {
      const frame = encodeMessage(sent);
      assert.deepEqual(frame.subarray(0, protocolMagic.length), protocolMagic);
      assert.deepEqual(
        decodeHello(frame, () => true),
        sent,
      );
    }),
    { numRuns: 300 },
  );
});

test('random bytes are refused with a code, never another failure (W4)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (frame) => {
      for (const decode of [() => decodeMessage(frame), () => decodeHello(frame, () => true)]) {
        try {
          decode();
        } catch (error) {
          assert.ok(isRefusal(error), String(error));
        }
      }
    }),
    { numRuns: 5000 },
  );
});

test('a damaged message is refused, or is another whole message; a cut one is always refused (W4)', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 254 }), (sent, at, change) => {
      const frame = encodeMessage(sent);
      const damaged = frame.slice();
      const position = at % frame.length;
      damaged[position] = ((damaged[position] ?? 0) + change + 1) % 256;
      try {
        encodeMessage(decodeMessage(damaged));
      } catch (error) {
        assert.ok(isRefusal(error), String(error));
      }
      assert.throws(() => decodeMessage(frame.subarray(0, position)), isRefusal);
    }),
    { numRuns: 3000 },
  );
});

test('a message with something behind it is refused (W4)', () => {
  const frame = encodeMessage({ kind: 'ping', nonce: 7 });
  assert.throws(() => decodeMessage(Uint8Array.of(...frame, 0)), isRefusal);
});

test('counts and lengths beyond the bytes that are there allocate nothing (W5)', () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  for (let kind = 1; kind < 23; kind++) {
    assert.throws(() => decodeMessage(Uint8Array.of(kind, ...huge, ...huge, ...huge, ...huge)), isRefusal);
  }
});

test('a frame beyond the maximum is neither made nor read (W3)', () => {
  const large = { origin: `${'a'.repeat(16)}-00000001` as OriginId, stamp: 1 as Stamp, part: 0, isLast: true, rest: 0 };
  const tooLarge: Message = {
    kind: 'parts',
    dataset: 0,
    stream: 0,
    pieces: [{ ...large, bytes: new Uint8Array(frameBytesMax) }],
  };
  assert.throws(() => encodeMessage(tooLarge), isRefusal);
  assert.throws(() => decodeMessage(new Uint8Array(frameBytesMax + 1)), isRefusal);
});

test('a hello of another version is told apart before the rest is read (W6)', () => {
  const future = Uint8Array.of(...protocolMagic, 0, 7, 9, 255, 255, 255);
  assert.equal(
    decodeHello(future, ({ versionMin }) => versionMin <= 1),
    null,
  );
  for (const foreign of ['GET / HTTP/1.1\r\n', 'SSH-2.0', 'USYN', '']) {
    assert.throws(
      () => decodeHello(new TextEncoder().encode(foreign), () => true),
      (error) => error instanceof SyncError && error.code === 'USYNC-1502',
    );
  }
});

test('a question for contents beyond the bounds, or for what is no content, is refused (W5)', () => {
  const version = `f:${'A'.repeat(43)}` as EntryVersion;
  const ask = (requests: readonly ContentRequest[]): Uint8Array =>
    encodeMessage({ kind: 'ask', dataset: 0, id: 1, question: { kind: 'content', requests } });
  const request = { version, part: 'content', offset: 0, length: 65_536 } as const;
  assert.equal(decodeMessage(ask([request, request])).kind, 'ask');
  for (const requests of [
    [request, request, { ...request, length: 1 }],
    [{ ...request, version: 'l:../etc' as EntryVersion }],
    Array.from({ length: 257 }, () => ({ ...request, length: 0 })),
  ])
    assert.throws(() => decodeMessage(ask(requests)), { name: 'SyncError' });
});
