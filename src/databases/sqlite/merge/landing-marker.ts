import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { VersionVector } from '../../../core/version-vector.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import {
  noRowsApart,
  readRowsApart,
  storedRowsApart,
  type RowsApart,
  type StoredRowsApart,
} from '../stores/rows-apart.js';
import { textToVector, vectorToText } from '../stores/vector-text.js';

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

/** A snapshot whose chunks are all kept in the database (`kept-snapshot.ts`), and which is landing. */
export interface LandingSnapshot {
  readonly vector: VersionVector;
  readonly chunks: number;
  readonly apart: RowsApart;
}

/** The snapshot that is landing, or whose landing was cut off; null when there is none. */
export function landingSnapshot({ meta }: Pick<ReplicaContext, 'meta'>): LandingSnapshot | null {
  const text = meta.text('landing');
  if (text === null) return null;
  const { vector, chunks, apart } = JSON.parse(text) as {
    readonly vector?: string;
    readonly chunks?: number;
    readonly apart?: StoredRowsApart;
  };
  if (vector === undefined) return null;
  return { vector: textToVector(vector), chunks: chunks ?? 0, apart: apart ? readRowsApart(apart) : noRowsApart };
}

/** From here on nothing is drained or sent until the snapshot has landed. */
export const markSnapshot = (
  { meta }: Pick<ReplicaContext, 'meta'>,
  { vector, chunks, apart }: LandingSnapshot,
): void => meta.set('landing', JSON.stringify({ vector: vectorToText(vector), chunks, apart: storedRowsApart(apart) }));
