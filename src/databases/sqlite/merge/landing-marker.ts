import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** A changeset whose parts are all staged. */
export interface LandingChangeset {
  readonly origin: OriginId;
  readonly stamp: Stamp;
}

/** The changeset that is landing in slices; null when there is none, also while a snapshot lands. */
export function landingChangeset({ meta }: Pick<ReplicaContext, 'meta'>): LandingChangeset | null {
  const text = meta.text('landing');
  if (text === null) return null;
  const { changeset } = JSON.parse(text) as { readonly changeset?: readonly [OriginId, Stamp] };
  return changeset ? { origin: changeset[0], stamp: changeset[1] } : null;
}

/** From here on nothing is drained or sent until the changeset has landed. Inside the transaction that drained. */
export const markLanding = ({ meta }: Pick<ReplicaContext, 'meta'>, { origin, stamp }: LandingChangeset): void =>
  meta.set('landing', JSON.stringify({ changeset: [origin, stamp] }));

/** A snapshot whose landing a crash or a failure cut off: what it brought stands in part, until one has landed as a whole. */
export const isSnapshotCutOff = (context: Pick<ReplicaContext, 'meta'>): boolean =>
  context.meta.text('landing') !== null && landingChangeset(context) === null;
