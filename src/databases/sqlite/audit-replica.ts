import type { AuditOutcome } from '../replica.js';
import { auditTable } from './stores/audit.js';
import { captureEverything } from './capture/capture-everything.js';
import { notedRange } from './capture/drain.js';
import { addPending } from './capture/pending-reconcile.js';
import { isDigestRight, recountedDigest } from './stores/recounted-digest.js';
import type { Merging, ReplicaContext } from './stores/replica-context.js';
import { inTransaction, whenFree } from './stores/store-transaction.js';
import { isFresh } from './stores/is-fresh.js';
import type { SyncedTable } from './schema/synced-table.js';
import { transact } from './connection/transaction.js';

/**
 * Audits one table or all. What differs was written without being captured, or changed by the disk: the tables are
 * compared with their shadows and the differences become changes. A kept digest that is not what the shadows add up to is
 * counted anew. The time told is that of the hashing.
 */
export async function auditReplica(
  context: ReplicaContext,
  merging: Merging,
  only: string | undefined,
): Promise<AuditOutcome> {
  // Nothing is remembered of the rows yet, so there is nothing to hold them against.
  if (isFresh(context)) return { tables: [], cpuMs: 0 };
  await captureEverything(context, merging);
  const tables: { readonly table: string; readonly rows: number; readonly differing: number }[] = [];
  const differing: SyncedTable[] = [];
  const wrong: SyncedTable[] = [];
  const cpuBefore = process.cpuUsage();
  for (const table of context.tables.all()) {
    if (only !== undefined && table !== context.tables.byName(only)) continue;
    const { isDigestRight: isRight, ...audited } = await auditQuietly(context, merging, table);
    if (audited.differing > 0) differing.push(table);
    if (!isRight) wrong.push(table);
    // A digest alone that is wrong proves nothing either.
    tables.push({
      table: table.name,
      ...audited,
      differing: isRight ? audited.differing : Math.max(1, audited.differing),
    });
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  if (differing.length > 0) {
    await whenFree(context.system, () =>
      inTransaction(context, () => {
        for (const table of differing) addPending(context, table, 'life');
      }),
    );
    await captureEverything(context, merging);
  }
  if (wrong.length > 0) await whenFree(context.system, () => inTransaction(context, () => recount(context, wrong)));
  return { tables, cpuMs: (user + system) / 1000 };
}

/** All rows are what is remembered of them, so what they add up to counts. */
function recount(context: ReplicaContext, wrong: readonly SyncedTable[]): void {
  for (const { number } of wrong) {
    const table = context.tables.byNumber(number);
    if (!table || isDigestRight(context, table)) continue;
    context.tables.setDigest(table, recountedDigest(context, table));
    const text = `The digest of table ${table.name} was not that of its rows; it was counted anew.`;
    context.observe('warn', { kind: 'dataset-notice', dataset: context.dataset, code: 'USYNC-1602', text });
  }
}

const attemptsMax = 5;

/** Notes that came meanwhile would look like differences: then it is captured and looked at again. */
async function auditQuietly(context: ReplicaContext, merging: Merging, table: SyncedTable) {
  for (let attempt = 0; ; attempt++) {
    const { audited, isDisturbed } = await whenFree(context.system, () =>
      transact(context.connection, 'deferred', () => ({
        isDisturbed: notedRange(context) !== null,
        audited: auditTable(context, table),
      })),
    );
    if (!isDisturbed || (audited.differing === 0 && audited.isDigestRight) || attempt === attemptsMax) return audited;
    await captureEverything(context, merging);
  }
}
