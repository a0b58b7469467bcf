import type { Replica, ReplicaIdentity } from '../../src/databases/replica.js';
import type { SqliteModule } from '../../src/databases/sqlite/connection/sqlite-module.js';
import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import { createSqliteReplica } from '../../src/databases/sqlite/sqlite-replica.js';
import type { Observe } from '../../src/observe/event.js';
import type { System } from '../../src/system/system.js';
import { makeMachineStill } from './still-machine.js';

export interface SimulatedReplicaOptions {
  readonly path: string;
  readonly identity: ReplicaIdentity;
  readonly system: System;
  readonly module: SqliteModule;
  readonly tables: Readonly<Record<string, TableRules>>;
  readonly propagatesSchema: boolean;
  /** After how long without work the connection is closed; 0: never. */
  readonly idleMs: number;
  readonly trace: (text: string) => void;
}

/** The real replica on a simulated machine. */
export function openSimulatedReplica(options: SimulatedReplicaOptions): Replica {
  makeMachineStill();
  const { path, identity, system, module, tables, propagatesSchema, idleMs, trace } = options;
  const observe: Observe = (level, event) => {
    if (level === 'warn' || level === 'error') trace(`reports ${JSON.stringify(event)}`);
  };
  // Who drains here is told of commits by the simulation itself, late or never.
  return createSqliteReplica({
    path,
    dataset: 'shop',
    identity,
    system,
    observe,
    module,
    tables,
    propagatesSchema,
    idleMs,
    watchesCommits: false,
  });
}
