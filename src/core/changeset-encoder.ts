/** Encodes a changeset of any size into parts, in bounded memory. The format is docs/protocol-changesets.md. */
import { blockTag, checkBlockShape, writeBlock } from './block-encoder.js';
import { createByteWriter } from './byte-writer.js';
import type { ChangeBlock, ChangesetHeader, ChangesetPart } from './changeset.js';
import { cellsPerPartMax, partBytesTarget, partsMax, rowsPerPartMax } from './limits.js';
import { noCompression, packBody, sealBody, type Compress } from './packed-body.js';
import { createPartWriter, writeOrigin, type PartWriter } from './part-dictionary.js';
import { createRowMeter } from './row-meter.js';
import { SyncError } from './sync-error.js';
import { writeChain } from './vector-codec.js';

export interface ChangesetEncoder {
  /** Takes the next changes of the changeset; returns the parts that are finished by them. */
  add(block: ChangeBlock): ChangesetPart[];
  /** The rest, at least one part; the last one has `isLast`. Nothing can be added afterwards. */
  finish(): ChangesetPart[];
}

export interface EncoderOptions {
  /** Raw size at which a part is closed; a part is larger only when a single row is. */
  readonly partBytesTarget?: number;
  readonly compress?: Compress;
}

export const changesetFormat = 1;
export const partFlag = { compressed: 1, last: 2 } as const;

/** After a failure (a row that is too large: USYNC-1507) the encoder must not be used again. */
export function createChangesetEncoder(header: ChangesetHeader, options: EncoderOptions = {}): ChangesetEncoder {
  const bytesTarget = options.partBytesTarget ?? partBytesTarget;
  const compress = options.compress ?? noCompression;
  const body = createByteWriter(4096);
  let part = createPartWriter(body, header.stamp, [header.origin]);
  let partCount = 0;
  let rows = 0;
  let cells = 0;
  writeHeader(part, header);

  function closePart(isLast: boolean): ChangesetPart {
    if (partCount >= partsMax) {
      throw new SyncError('USYNC-1507', 'A changeset has too many parts.', { facts: { partsMax } });
    }
    body.byte(blockTag.bodyEnd);
    const bytes = sealPart(header, { number: partCount, isLast, raw: body.view(), compress });
    body.reset();
    part = createPartWriter(body, header.stamp, [header.origin]);
    rows = 0;
    cells = 0;
    return { origin: header.origin, stamp: header.stamp, part: partCount++, isLast, bytes };
  }

  function add(block: ChangeBlock): ChangesetPart[] {
    checkBlockShape(block);
    const finished: ChangesetPart[] = [];
    const meter = createRowMeter(block);
    let from = 0;
    while (from < block.count) {
      const fit = meter.rowsThatFit({
        from,
        bytesMax: bytesTarget - body.position,
        rowsMax: rowsPerPartMax - rows,
        cellsMax: cellsPerPartMax - cells,
      });
      // A part holds at least one row, however large. Only what follows closes a part: the last is open at `finish`.
      const isAlone = fit.rows === 0 && rows === 0;
      if (fit.rows === 0 && !isAlone) {
        finished.push(closePart(false));
        continue;
      }
      const count = isAlone ? 1 : fit.rows;
      writeBlock(part, block, { from, to: from + count });
      rows += count;
      cells += isAlone ? meter.cellsOf(from) : fit.cells;
      from += count;
    }
    return finished;
  }

  return { add, finish: () => [closePart(true)] };
}

function writeHeader(part: PartWriter, header: ChangesetHeader): void {
  const { out } = part;
  if (header.prev >= header.stamp) {
    throw new SyncError('USYNC-1001', 'A changeset to be encoded is not after the one before it.', {
      facts: { origin: header.origin, stamp: header.stamp, prev: header.prev },
    });
  }
  out.byte(header.isDuty ? 1 : 0);
  out.varint(header.prev);
  writeChain(out, header.prevChain);
  out.varint(header.seen.size);
  for (const [origin, { stamp, chain }] of header.seen) {
    part.origin(origin);
    out.varint(stamp);
    writeChain(out, chain);
  }
}

interface PartContent {
  readonly number: number;
  readonly isLast: boolean;
  readonly raw: Uint8Array;
  readonly compress: Compress;
}

/** Puts the envelope around a body: which changeset and part it is, so that no part can pass for another. */
function sealPart(header: ChangesetHeader, content: PartContent): Uint8Array {
  const packed = packBody(content.raw, content.compress);
  const out = createByteWriter(64);
  out.byte(changesetFormat);
  out.byte((packed.isCompressed ? partFlag.compressed : 0) | (content.isLast ? partFlag.last : 0));
  writeOrigin(out, header.origin);
  out.varint(header.stamp);
  out.varint(content.number);
  return sealBody(out, packed);
}
