import type { Observe } from '../../../observe/event.js';
import type { System } from '../../../system/system.js';
import type { ReplicaIdentity, ReplicaWork } from '../../replica.js';
import { createAliasStore } from './alias-store.js';
import { createAsideStore } from './aside-store.js';
import { createConflictStore } from './conflict-store.js';
import { createDisplacedStore } from './displaced-store.js';
import type { Connection } from '../connection/driver.js';
import { createHistoryStore } from './history-store.js';
import { createJournalStore } from './journal-store.js';
import { createLifeFinder } from '../merge/life-finder.js';
import { createMetaStore } from './meta-store.js';
import { createNoteStore } from '../capture/note-store.js';
import { createOriginStore } from './origin-store.js';
import { createPace, type PaceOptions } from '../connection/pace.js';
import type { ReplicaContext } from './replica-context.js';
import { readSchema } from '../schema/schema-reader.js';
import { createSeenStore } from './seen-store.js';
import { createShadowStore } from './shadow-store.js';
import { createStrayStore } from './stray-store.js';
import { createTableRegistry, type AdjustSchema } from '../schema/table-registry.js';

export interface ContextOptions {
  readonly dataset: string;
  readonly identity: ReplicaIdentity;
  readonly system: System;
  readonly observe: Observe;
  readonly tellWork?: (work: ReplicaWork | null) => void;
  readonly adjust?: AdjustSchema;
  readonly propagatesSchema?: boolean;
  readonly pace?: PaceOptions;
}

/** The stores over one open connection. The sync tables must be there (`createSyncTables`). */
export function openContext(connection: Connection, options: ContextOptions): ReplicaContext {
  const { dataset, identity, system, observe } = options;
  const adjust = options.adjust ?? ((schema) => schema);
  const meta = createMetaStore(connection);
  const origins = createOriginStore(connection, meta);
  const tables = createTableRegistry(connection, { readSchema: () => readSchema(connection), adjust });
  const shadows = createShadowStore(connection, origins);
  const asides = createAsideStore(connection, origins);
  const histories = createHistoryStore(connection, origins);
  const strays = createStrayStore(connection);
  return {
    dataset,
    identity,
    system,
    observe,
    tellWork: options.tellWork ?? (() => undefined),
    connection,
    adjust,
    propagatesSchema: options.propagatesSchema === true,
    pace: createPace(options.pace),
    meta,
    origins,
    tables,
    shadows,
    asides,
    lives: createLifeFinder(connection, { origins, shadows, asides }),
    displaced: createDisplacedStore(connection),
    aliases: createAliasStore(connection, origins),
    journal: createJournalStore(connection, { origins, meta, histories }),
    histories,
    seen: createSeenStore(connection, { origins, strays }),
    strays,
    conflicts: createConflictStore(connection, { origins, meta }),
    notes: createNoteStore(connection),
  };
}
