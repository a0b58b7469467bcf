import { createChangesetEncoder, type ChangesetEncoder } from '../../../core/changeset-encoder.js';
import type { ChangeBlock, ChangesetHeader, ChangesetPart } from '../../../core/changeset.js';
import { createChain } from '../../../core/hash.js';
import type { OriginId } from '../../../core/origin.js';
import { createSpanMeter } from '../../../core/stamp-span.js';
import { nextStamp, type Stamp } from '../../../core/stamp.js';
import { compressBytes } from '../../../system/compression.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** A changeset of the own origin while it is made: blocks in, parts out as they fill. */
export interface OwnChangeset {
  readonly origin: OriginId;
  readonly originNumber: number;
  readonly stamp: Stamp;
  /** How many lives it has made so far: the index of the next one. */
  takeIndexes(count: number): number;
  add(block: ChangeBlock): void;
  readonly rows: number;
  /** Writes the journal entry and moves the vector. Inside a write transaction. */
  finish(): void;
}

export interface OwnChangesetOptions {
  readonly isDuty: boolean;
  /** Where parts go; default: into the journal at once. */
  readonly putPart?: (part: ChangesetPart) => void;
}

/** Nothing is written before the first part is full, so that one without blocks may be dropped. */
export function beginOwnChangeset(context: ReplicaContext, options: OwnChangesetOptions): OwnChangeset {
  const { origins, journal, seen, strays, system } = context;
  const origin = origins.own();
  const { stamp: prev, chain: prevChain } = origins.entry(origin);
  const stamp = nextStamp(origins.clock(), system.nowMs());
  const header: ChangesetHeader = {
    origin,
    stamp,
    prev,
    prevChain,
    seen: origins.untold(),
    isDuty: options.isDuty,
  };
  const encoder: ChangesetEncoder = createChangesetEncoder(header, { compress: compressBytes });
  const chain = createChain(prevChain);
  const meter = createSpanMeter(header);
  const putPart = options.putPart ?? ((part: ChangesetPart) => journal.putPart(part));
  let [parts, bytes, rows, indexes] = [0, 0, 0, 0];
  const take = (finished: readonly ChangesetPart[]): void => {
    for (const part of finished) {
      chain.add(part.bytes);
      putPart(part);
      parts++;
      bytes += part.bytes.length;
    }
  };
  return {
    origin,
    originNumber: origins.numberOf(origin),
    stamp,
    takeIndexes(count) {
      indexes += count;
      return indexes - count;
    },
    add(block) {
      if (block.count === 0) return;
      rows += block.count;
      meter.add([block]);
      take(encoder.add(block));
    },
    get rows() {
      return rows;
    },
    finish() {
      take(encoder.finish());
      journal.append({ origin, stamp, prev, chain: chain.value(), parts, bytes }, system.nowMs());
      // This origin may be another one's past once this server has gone back in time.
      seen.learn(origin, header.seen);
      strays.note(header, meter.span());
      origins.markTold();
      origins.advance(origin, { stamp, chain: chain.value() });
    },
  };
}
