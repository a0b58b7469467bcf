import type { AuditOutcome } from '../replica.js';
import { auditTable } from './stores/audit.js';
import { captureEverything } from './capture/capture-everything.js';
import { notedRange } from './capture/drain.js';
import { addPending } from './capture/pending-reconcile.js';
import type { Merging, ReplicaContext } from './stores/replica-context.js';
import { inTransaction, whenFree } from './stores/store-transaction.js';
import type { SyncedTable } from './schema/synced-table.js';
import { transact } from './connection/transaction.js';

/**
 * Audits one table or all. What differs was written without being captured, or changed by the disk: the tables are
 * compared with their shadows and the differences become changes. The time told is that of the hashing.
 */
export async function auditReplica(
  context: ReplicaContext,
  merging: Merging,
  only: string | undefined,
): Promise<AuditOutcome> {
  await captureEverything(context, merging);
  const tables: { readonly table: string; readonly rows: number; readonly differing: number }[] = [];
  const differing: SyncedTable[] = [];
  const cpuBefore = process.cpuUsage();
  for (const table of context.tables.all()) {
    if (only !== undefined && table !== context.tables.byName(only)) continue;
    const audited = await auditQuietly(context, merging, table);
    tables.push({ table: table.name, ...audited });
    if (audited.differing > 0) differing.push(table);
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
  return { tables, cpuMs: (user + system) / 1000 };
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
    if (!isDisturbed || audited.differing === 0 || attempt === attemptsMax) return audited;
    await captureEverything(context, merging);
  }
}
