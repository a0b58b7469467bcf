import type { ChangesetHeader } from '../../core/changeset.js';
import { stampIn, type VersionVector } from '../../core/version-vector.js';
import type { Fork } from '../replica.js';
import type { JournalStore } from './journal-store.js';

/** Whether a changeset may be merged now (rule R1.2). */
export type Gate =
  | { readonly kind: 'next' }
  | { readonly kind: 'covered' }
  | { readonly kind: 'gap' }
  | { readonly kind: 'fork'; readonly fork: Fork };

/**
 * A changeset is the next one only when it continues the very history that is held here and nothing that its origin
 * had seen is missing. One whose stamp is covered may still be of another history: then it must not be skipped.
 */
export function gateOf(header: ChangesetHeader, vector: VersionVector, journal: JournalStore): Gate {
  const { origin, stamp, prev, prevChain } = header;
  const held = vector.get(origin);
  const heldStamp = stampIn(vector, origin);
  if (stamp <= heldStamp) {
    const known = journal.find(origin, stamp);
    return known && known.prev !== prev ? forkAfter(header, journal) : { kind: 'covered' };
  }
  if (prev > heldStamp) return { kind: 'gap' };
  if (prev < heldStamp || (held && held.chain !== prevChain)) return forkAfter(header, journal);
  for (const [other, seen] of header.seen) {
    if (other !== origin && stampIn(vector, other) < seen) return { kind: 'gap' };
  }
  return { kind: 'next' };
}

/** Both sides share what lies before: up to `prev` where it is known here with the same chain, else one entry earlier. */
function forkAfter({ origin, prev, prevChain }: ChangesetHeader, journal: JournalStore): Gate {
  const known = journal.find(origin, prev);
  const after = !known || known.chain === prevChain ? prev : known.prev;
  return { kind: 'fork', fork: { origin, after } };
}
