import { branchOrigin } from '../../../core/branch.js';
import type { ChangesetHeader } from '../../../core/changeset.js';
import { serverIdOfOrigin, type OriginId } from '../../../core/origin.js';
import { stampIn, type ChainHash } from '../../../core/version-vector.js';
import type { Fork } from '../../replica.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** Whether a changeset may be merged now (rule R1.2). */
export type Gate =
  | { readonly kind: 'next' }
  | { readonly kind: 'covered' }
  | { readonly kind: 'gap' }
  | { readonly kind: 'fork'; readonly fork: Fork };

/**
 * A changeset is the next one only when it continues the very history that is held here, nothing that its origin had
 * seen is missing, and it was seen on the very histories that are held here. One whose stamp is covered may still be of
 * another history: then it must not be skipped. `chain` is the changeset's own chain hash, costly for a large one.
 */
export function gateOf(
  header: ChangesetHeader,
  { origins, histories }: Pick<ReplicaContext, 'origins' | 'histories'>,
  chain: () => ChainHash,
): Gate {
  const { origin, stamp, prev, prevChain } = header;
  const vector = origins.vector();
  const fork = (of: OriginId): Gate => ({ kind: 'fork', fork: { origin: of } });
  const before = histories.relation(origin, { stamp: prev, chain: prevChain });
  if (before === 'forked') return fork(origin);
  const held = stampIn(vector, origin);
  if (stamp <= held) {
    return histories.relation(origin, { stamp, chain: chain() }) === 'forked' ? fork(origin) : { kind: 'covered' };
  }
  if (before === 'ahead') return { kind: 'gap' };
  if (prev !== held || isCutHere(origin, vector.keys(), chain)) return fork(origin);
  for (const [other, entry] of header.seen) {
    if (other === origin) continue;
    const relation = histories.relation(other, entry);
    if (relation === 'ahead') return { kind: 'gap' };
    if (relation === 'forked') return fork(other);
  }
  return { kind: 'next' };
}

/** Whether this is the first changeset of a branch that is known by another name already: its sender has yet to learn it. */
function isCutHere(origin: OriginId, origins: Iterable<OriginId>, chain: () => ChainHash): boolean {
  const siblings = [...origins].filter(
    (other) => other !== origin && serverIdOfOrigin(other) === serverIdOfOrigin(origin),
  );
  return siblings.length > 0 && siblings.includes(branchOrigin(origin, chain()));
}
