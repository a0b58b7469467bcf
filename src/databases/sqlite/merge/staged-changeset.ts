import { decodePart, type DecodedPart } from '../../../core/changeset-decoder.js';
import type { ChangesetHeader, ChangesetPart } from '../../../core/changeset.js';
import { decompressBytes } from '../../../system/compression.js';
import type { JournalEntry } from '../stores/journal-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** Throws USYNC-1503, -1504 or -1507 when the bytes are not what they should be. */
export const decodeStaged = ({ bytes, origin, stamp, part, isLast }: ChangesetPart): DecodedPart =>
  decodePart(bytes, { decompress: decompressBytes, expect: { origin, stamp, part, isLast } });

/** What was merged, into the journal; the vector moves with it. Inside the transaction that merged. */
export function enterJournal(
  context: ReplicaContext,
  { origin, stamp, prev }: ChangesetHeader,
  totals: Pick<JournalEntry, 'parts' | 'bytes' | 'chain'>,
): void {
  const { journal, origins, system } = context;
  const nowMs = system.nowMs();
  journal.append({ origin, stamp, prev, ...totals }, nowMs);
  origins.advance(origin, { stamp, chain: totals.chain });
  origins.saw(stamp, nowMs);
}
