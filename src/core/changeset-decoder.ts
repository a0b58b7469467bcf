/** Decodes one part at a time. What it reads is untrusted: it throws SyncError USYNC-1504 or USYNC-1507, or succeeds. */
import { readBlocks } from './block-decoder.js';
import { createByteReader, beyondLimit, malformed, type ByteReader } from './byte-reader.js';
import type { ChangeBlock, ChangesetHeader, ChangesetPart } from './changeset.js';
import { changesetFormat, partFlag } from './changeset-encoder.js';
import { originsMax, partBytesMax, partsMax } from './limits.js';
import type { OriginId } from './origin.js';
import { readPackedBody, type Decompress } from './packed-body.js';
import { createPartReader, readOrigin, type PartReader } from './part-dictionary.js';
import { stampMax, type Stamp } from './stamp.js';
import { SyncError } from './sync-error.js';
import { readChain } from './vector-codec.js';
import type { VectorEntry } from './version-vector.js';

export interface DecodedPart {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly part: number;
  readonly isLast: boolean;
  /** On part 0. */
  readonly header?: ChangesetHeader;
  readonly blocks: readonly ChangeBlock[];
}

export interface DecodeOptions {
  readonly decompress: Decompress;
  /** What the part was announced as; anything else is refused. */
  readonly expect?: Partial<Omit<ChangesetPart, 'bytes'>>;
}

export function decodePart(bytes: Uint8Array, { decompress, expect = {} }: DecodeOptions): DecodedPart {
  if (bytes.length > partBytesMax) throw beyondLimit('bytes of a part', bytes.length, partBytesMax);
  const input = createByteReader(bytes);
  const envelope = readEnvelope(input);
  refuseOthers(envelope, expect);
  const body = createByteReader(readPackedBody(input, envelope.isCompressed, decompress));
  const part = createPartReader(body, envelope.stamp, [envelope.origin]);
  const { origin, stamp, isLast } = envelope;
  const header = envelope.part === 0 ? readHeader(part, { origin, stamp }) : undefined;
  const blocks = readBlocks(part);
  return { origin, stamp, part: envelope.part, isLast, blocks, ...(header && { header }) };
}

interface Envelope {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly part: number;
  readonly isLast: boolean;
  readonly isCompressed: boolean;
}

function readEnvelope(input: ByteReader): Envelope {
  const format = input.byte();
  if (format !== changesetFormat) {
    throw malformed(`format ${format} of changesets is not known, only ${changesetFormat}`);
  }
  const flags = input.byte();
  if (flags > (partFlag.compressed | partFlag.last)) throw malformed('a part has unknown flags');
  const origin = readOrigin(input);
  const stamp = readStamp(input);
  const part = input.varint();
  if (part >= partsMax) throw beyondLimit('parts of a changeset', part, partsMax);
  return {
    origin,
    stamp,
    part,
    isLast: (flags & partFlag.last) !== 0,
    isCompressed: (flags & partFlag.compressed) !== 0,
  };
}

function refuseOthers(envelope: Envelope, expect: NonNullable<DecodeOptions['expect']>): void {
  for (const field of ['origin', 'stamp', 'part', 'isLast'] as const) {
    if (expect[field] !== undefined && expect[field] !== envelope[field]) {
      throw new SyncError('USYNC-1504', `A part of a changeset is not the one it was announced as: ${field} differs.`, {
        facts: { expected: expect[field], found: envelope[field] },
      });
    }
  }
}

function readHeader(part: PartReader, { origin, stamp }: { origin: OriginId; stamp: Stamp }): ChangesetHeader {
  const { input } = part;
  const flags = input.byte();
  if (flags > 1) throw malformed('a header has unknown flags');
  const prev = readStamp(input);
  if (prev >= stamp) throw malformed('a changeset is not after the one before it');
  const prevChain = readChain(input);
  const seen = new Map<OriginId, VectorEntry>();
  const seenCount = input.count('origins', originsMax, 10);
  for (let i = 0; i < seenCount; i++) {
    const other = part.origin();
    seen.set(other, { stamp: readStamp(input), chain: readChain(input) });
  }
  if (seen.size !== seenCount) throw malformed('an origin is named twice');
  return { origin, stamp, prev, prevChain, seen, isDuty: flags === 1 };
}

function readStamp(input: ByteReader): Stamp {
  const stamp = input.varint();
  if (stamp > stampMax) throw malformed('a stamp is out of its range');
  return stamp as Stamp;
}
