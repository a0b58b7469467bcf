import type { OriginId } from '../../core/origin.js';
import type { Stamp } from '../../core/stamp.js';
import { knownSchema, type KnownSchema, type OpenedReplica } from './replica-opening.js';
import type { ReplicaContext } from './stores/replica-context.js';

/** What is remembered of a database while its connection is closed. */
export interface DatabaseMemory {
  /** Only to open the same file again sooner. */
  readonly known: KnownSchema | null;
  /** To be called before the connection is closed. */
  keep(opened: OpenedReplica): void;
  /**
   * Whether the database holds less than it did: a backup that was copied over the file. Its inode may be the same one,
   * so the file alone does not tell.
   */
  isOlder(context: ReplicaContext): boolean;
}

interface Held {
  readonly databaseId: string | null;
  readonly origin: OriginId;
  readonly stamp: Stamp;
}

export function createDatabaseMemory(): DatabaseMemory {
  let known: KnownSchema | null = null;
  let before: Held | null = null;
  return {
    get known() {
      return known;
    },
    keep({ context, isOlder }) {
      known = whereFree(() => knownSchema(context));
      if (!isOlder) before = whereFree(() => heldIn(context)) ?? before;
    },
    isOlder(context) {
      if (!before) return false;
      const now = heldIn(context);
      return now.databaseId !== before.databaseId || now.origin !== before.origin || now.stamp < before.stamp;
    },
  };
}

function heldIn({ meta, origins }: ReplicaContext): Held {
  const origin = origins.own();
  return { databaseId: meta.text('database'), origin, stamp: origins.entry(origin).stamp };
}

/** Whatever stands in the way of reading (a lock, damage) is met at the next opening. */
function whereFree<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
