import { createChangesetEncoder } from '../../core/changeset-encoder.js';
import { decodePart } from '../../core/changeset-decoder.js';
import type { ChangesetHeader, ChangesetPart } from '../../core/changeset.js';
import { createChain } from '../../core/hash.js';
import type { Cell } from '../../core/life-state.js';
import { originIdOf, type OriginId } from '../../core/origin.js';
import {
  renameCellStamp,
  renameLife,
  renameOriginInBlock,
  renameOriginInHeader,
  type OriginRenaming,
} from '../../core/rename-origin.js';
import type { Stamp } from '../../core/stamp.js';
import { SyncError } from '../../core/sync-error.js';
import { RowReference } from '../../core/value.js';
import { emptyChain, type VectorEntry } from '../../core/version-vector.js';
import { compressBytes, decompressBytes } from '../../system/compression.js';
import type { JournalEntry } from './journal-store.js';
import { memoryOf } from './merge-changeset.js';
import type { ReplicaContext } from './replica-context.js';
import { shadowColumns, type Shadow } from './shadow-store.js';
import { inTransaction, whenFree } from './store-transaction.js';
import { shadowKeyColumns, type SyncedTable } from './synced-table.js';

/** Everything that is captured from here on has a new origin. Inside a transaction. */
export function newEpoch({ identity, origins }: ReplicaContext): OriginId {
  const origin = originIdOf(identity.server, identity.freshEpoch());
  origins.setOwn(origin);
  return origin;
}

/**
 * Gives the own changesets of `origin` after `after` to a new epoch (decision 1): in the journal, and wherever their
 * lives and stamps are named. Both histories can then be merged by everybody. One transaction; its cost is that of the
 * branch, and of a look at every shadow.
 */
export async function reissueBranch(context: ReplicaContext, origin: OriginId, after: Stamp): Promise<OriginId> {
  return whenFree(context.system, () =>
    inTransaction(context, () => {
      memoryOf(context).begin();
      const to = originIdOf(context.identity.server, context.identity.freshEpoch());
      const renaming: OriginRenaming = { origin, after, to };
      const forkPoint = entryAt(context, origin, after);
      const entries = context.journal.entriesAfter(origin, after);
      for (const table of context.tables.all()) renameShadows(context, table, renaming);
      renameBeside(context, renaming);
      context.origins.advance(origin, forkPoint);
      context.origins.setOwn(to);
      for (const entry of entries) reissue(context, entry, renaming);
      memoryOf(context).begin();
      return to;
    }),
  );
}

/** What both histories share. */
function entryAt({ journal }: ReplicaContext, origin: OriginId, stamp: Stamp): VectorEntry {
  if (stamp === 0) return { stamp, chain: emptyChain };
  const chain = journal.find(origin, stamp)?.chain ?? chainOfTail(journal.tail().get(origin), stamp);
  if (chain === null) {
    throw new SyncError('USYNC-1601', `the journal does not reach back to where ${origin} forked`, {
      facts: { stamp },
    });
  }
  return { stamp, chain };
}

const chainOfTail = (entry: VectorEntry | undefined, stamp: Stamp): VectorEntry['chain'] | null =>
  entry?.stamp === stamp ? entry.chain : null;

function reissue(context: ReplicaContext, entry: JournalEntry, renaming: OriginRenaming): void {
  const { journal, origins, system } = context;
  const decoded = function* () {
    for (const { bytes } of journal.parts(entry.origin, entry.stamp)) {
      yield decodePart(bytes, { decompress: decompressBytes });
    }
  };
  const { stamp: prev, chain: prevChain } = origins.entry(renaming.to);
  const chain = createChain(prevChain);
  let header: ChangesetHeader | null = null;
  let encoder: ReturnType<typeof createChangesetEncoder> | null = null;
  let [parts, bytes] = [0, 0];
  const put = (finished: readonly ChangesetPart[]): void => {
    for (const part of finished) {
      chain.add(part.bytes);
      journal.putPart(part);
      parts++;
      bytes += part.bytes.length;
    }
  };
  for (const part of decoded()) {
    if (part.header) {
      header = part.header;
      const renamed = renameOriginInHeader(part.header, renaming, prevChain);
      encoder = createChangesetEncoder({ ...renamed, prev }, { compress: compressBytes });
    }
    if (!header || !encoder) throw new SyncError('USYNC-1001', 'a changeset in the journal has no header');
    for (const block of part.blocks) put(encoder.add(renameOriginInBlock(block, header, renaming)));
  }
  if (!encoder) throw new SyncError('USYNC-1001', 'a changeset in the journal has no parts');
  put(encoder.finish());
  journal.remove(entry.origin, entry.stamp);
  const { stamp } = entry;
  journal.append({ origin: renaming.to, stamp, prev, chain: chain.value(), parts, bytes }, system.nowMs());
  origins.advance(renaming.to, { stamp, chain: chain.value() });
}

/** Numbers by four statements; names inside blobs one by one. */
function renameShadows(context: ReplicaContext, table: SyncedTable, renaming: OriginRenaming): void {
  const { connection, origins, shadows } = context;
  const keys = shadowKeyColumns(table);
  const blobs = connection
    .cached(
      `SELECT ${keys.join(', ')}, ${shadowColumns('s')} FROM ${table.shadowSql} s WHERE r IS NOT NULL OR x IS NOT NULL`,
    )
    .allExact();
  for (const row of blobs) {
    const shadow = shadows.read(row, keys.length);
    shadows.put(table, row.slice(0, keys.length), renameShadow(shadow, renaming));
  }
  const [from, to] = [BigInt(origins.numberOf(renaming.origin)), BigInt(origins.numberOf(renaming.to))];
  const after = BigInt(renaming.after);
  const run = (sql: string, ...params: bigint[]): void =>
    void connection.cached(`UPDATE ${table.shadowSql} SET ${sql}`).run(...params);
  const at = 's + coalesce(d, 0)';
  run(`b = ? WHERE o = ? AND s <= ? AND b IS NULL AND ${at} > ?`, to, from, after, after);
  run(`b = ? WHERE b = ? AND ${at} > ?`, to, from, after);
  run(`b = ? WHERE o = ? AND s > ? AND b IS NULL AND ${at} <= ?`, from, from, after, after);
  run('o = ? WHERE o = ? AND s > ?', to, from, after);
}

function renameShadow(shadow: Shadow, renaming: OriginRenaming): Shadow {
  const exceptions = new Map(
    [...(shadow.exceptions ?? [])].map(([position, at]) => [position, renameCellStamp(at, renaming)]),
  );
  return {
    ...shadow,
    life: renameLife(shadow.life, renaming),
    row: shadow.row && renameLife(shadow.row, renaming),
    at: renameCellStamp(shadow.at, renaming),
    exceptions: exceptions.size > 0 ? exceptions : null,
  };
}

function renameCells(cells: ReadonlyMap<string, Cell>, renaming: OriginRenaming): Map<string, Cell> {
  return new Map(
    [...cells].map(([column, { value, at }]) => [
      column,
      {
        value: value instanceof RowReference ? new RowReference(renameLife(value.row, renaming)) : value,
        at: renameCellStamp(at, renaming),
      },
    ]),
  );
}

/** Lives that hide, cells that are kept beside rows, aliases, and where lives moved to. */
function renameBeside(context: ReplicaContext, renaming: OriginRenaming): void {
  const { asides, aliases, connection, origins } = context;
  for (const name of asides.tables()) {
    for (const aside of [...asides.all(name)]) {
      asides.remove(name, aside.life);
      asides.put({
        ...aside,
        life: renameLife(aside.life, renaming),
        row: renameLife(aside.row, renaming),
        behind: aside.behind && renameLife(aside.behind, renaming),
        cells: renameCells(aside.cells, renaming),
      });
    }
  }
  for (const { name } of context.tables.all()) {
    for (const { life, cells } of [...asides.allExtraCells(name)]) {
      asides.removeExtraCells(name, life);
      asides.putExtraCells(name, renameLife(life, renaming), renameCells(cells, renaming));
    }
  }
  const known = [...aliases.all()];
  connection.exec('DELETE FROM _usync_aliases');
  for (const { table, from, to, at } of known) {
    aliases.put({
      table,
      from: renameLife(from, renaming),
      to: renameLife(to, renaming),
      at: renameCellStamp(at, renaming),
    });
  }
  connection
    .cached('UPDATE _usync_moved SET origin = ? WHERE origin = ? AND stamp > ?')
    .run(BigInt(origins.numberOf(renaming.to)), BigInt(origins.numberOf(renaming.origin)), BigInt(renaming.after));
}
