import type { OriginId } from '../../core/origin.js';
import type { Stamp } from '../../core/stamp.js';
import type { ReplicaContext } from './stores/replica-context.js';

/** What was seen of a database when its connection was closed: by it a copy that was put in its place is noticed. */
export interface DatabaseMemory {
  readonly databaseId: string | null;
  readonly origin: OriginId;
  readonly stamp: Stamp;
}

export function memoryOfDatabase({ meta, origins }: Pick<ReplicaContext, 'meta' | 'origins'>): DatabaseMemory {
  const origin = origins.own();
  return { databaseId: meta.text('database'), origin, stamp: origins.entry(origin).stamp };
}

/**
 * Whether the database holds less than it did: a backup that was copied over the file. Its inode may be the same one, so
 * the file alone does not tell.
 */
export const isOlderThan = (now: DatabaseMemory, before: DatabaseMemory): boolean =>
  now.databaseId !== before.databaseId || now.origin !== before.origin || now.stamp < before.stamp;
