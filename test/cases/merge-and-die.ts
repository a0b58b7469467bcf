/** A process of its own that merges what it is sent and kills itself at the statement that it was told. */
import { createSqliteReplica } from '../../src/databases/sqlite/sqlite-replica.js';
import {
  loadSqliteModule,
  type ModuleStatement,
  type ModuleValue,
  type SqliteModule,
} from '../../src/databases/sqlite/connection/sqlite-module.js';
import type { Epoch, ServerId } from '../../src/core/origin.js';
import type { Replica } from '../../src/databases/replica.js';
import { createRealSystem } from '../../src/system/real-system.js';

export interface MergeOrder {
  readonly path: string;
  readonly name: string;
  /** Null: it lives, and tells how many statements it took. */
  readonly diesAt: number | null;
  readonly parts: Parameters<Replica['merge']>[0];
}

let statements = 0;
let diesAt: number | null = null;

function count(): void {
  if (++statements === diesAt) process.kill(process.pid, 'SIGKILL');
}

/** Counts what is executed, not what is prepared. */
function countingModule(): SqliteModule {
  const real = loadSqliteModule();
  return {
    name: real.name,
    open(location, options) {
      const database = real.open(location, options);
      return {
        get isOpen() {
          return database.isOpen;
        },
        get isTransaction() {
          return database.isTransaction;
        },
        exec(sql) {
          count();
          database.exec(sql);
        },
        close: () => database.close(),
        prepare: (sql) => countedStatement(database.prepare(sql)),
      };
    },
  };
}

function countedStatement(statement: ModuleStatement): ModuleStatement {
  const counted =
    <Args extends readonly ModuleValue[], Result>(run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      count();
      return run(...args);
    };
  return {
    setReadBigInts: (isOn) => statement.setReadBigInts(isOn),
    setReturnArrays: (isOn) => statement.setReturnArrays(isOn),
    run: counted((...params) => statement.run(...params)),
    get: counted((...params) => statement.get(...params)),
    all: counted((...params) => statement.all(...params)),
    iterate: counted((...params) => statement.iterate(...params)),
  };
}

process.on('message', (order: MergeOrder) => void merge(order));

async function merge(order: MergeOrder): Promise<void> {
  diesAt = order.diesAt;
  const replica = createSqliteReplica({
    path: order.path,
    dataset: 'case',
    system: createRealSystem(),
    observe: () => {},
    identity: {
      server: order.name.repeat(16) as ServerId,
      serverName: order.name,
      freshEpoch: () => '00000001' as Epoch,
    },
    module: countingModule(),
  });
  await replica.open();
  await replica.merge(order.parts);
  await replica.flush();
  await replica.close();
  process.send?.(statements, () => process.disconnect());
}
