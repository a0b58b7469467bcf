import type { Changeset } from '../../../core/changeset.js';
import { decodePart } from '../../../core/changeset-decoder.js';
import { originIdOf, type Epoch, type OriginId, type ServerId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { decompressBytes } from '../../../system/compression.js';
import { createRealSystem } from '../../../system/real-system.js';
import { captureEverything, type Captured } from '../capture/capture-everything.js';
import { openConnection, type Connection } from '../connection/driver.js';
import { openContext } from '../stores/open-context.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { found } from '../stores/is-fresh.js';
import { inTransaction } from '../stores/store-transaction.js';
import { createSyncTables } from '../stores/sync-tables.js';

/** For tests of the stores: a database file with a context over it, and another connection that writes as an application. */
export interface Scene {
  readonly context: ReplicaContext;
  readonly app: Connection;
  /** Everything that is due: schema, reconcile, notes. */
  capture(): Promise<Captured>;
  /** The changesets in the journal, decoded, oldest first. */
  changesets(): Changeset[];
  close(): void;
}

const sceneServer = 'abcdefghijklmnop' as ServerId;

const nobody = { settleWaiting: () => {}, settleAfterDrain: () => {} };

export function openScene(path: string, schema: string): Scene {
  const app = openConnection(path, { busyTimeoutMs: 5000 });
  app.exec('PRAGMA journal_mode = WAL');
  app.exec(schema);
  const connection = openConnection(path);
  connection.exec('PRAGMA cache_size = -65536');
  connection.exec('PRAGMA synchronous = NORMAL');
  connection.exec('BEGIN IMMEDIATE');
  createSyncTables(connection);
  connection.exec('COMMIT');
  const epoch = '00000001' as Epoch;
  const context = openContext(connection, {
    dataset: 'scene',
    identity: { server: sceneServer, serverName: 'scene', freshEpoch: () => epoch },
    system: createRealSystem(),
    observe: () => {},
  });
  inTransaction(context, () => {
    if (context.meta.text('origin') === null) context.origins.setOwn(originIdOf(sceneServer, epoch));
  });
  return {
    context,
    app,
    async capture() {
      await found(context);
      return captureEverything(context, nobody);
    },
    changesets: () => readChangesets(context),
    close() {
      app.close();
      connection.close();
    },
  };
}

function readChangesets(context: ReplicaContext): Changeset[] {
  const rows = context.connection
    .prepare('SELECT origin, stamp FROM _usync_journal WHERE origin IS NOT NULL ORDER BY position')
    .all();
  return rows.map(([number, stamp]) => {
    const origin: OriginId = context.origins.originOf(Number(number));
    const parts = [...context.journal.parts(origin, Number(stamp) as Stamp)].map((part) =>
      decodePart(part.bytes, { decompress: decompressBytes }),
    );
    const header = parts[0]?.header;
    if (!header) throw new Error('a changeset without a header');
    return { header, blocks: parts.flatMap((part) => part.blocks) };
  });
}
