import type { TableReport } from '../../replica.js';
import { countKeyless } from '../capture/keyless-rows.js';
import { tooLargeRows } from '../capture/too-large-rows.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { countRows } from './schema-change.js';
import type { SyncedTable } from './synced-table.js';

/** Every table of the application, synced or not, by name. */
export function tableReports(context: ReplicaContext): TableReport[] {
  const pending = new Set(pendingReconciles(context).map(({ table }) => table.number));
  const tooLarge = tooLargeRows(context);
  const synced = context.tables.all().map((table) => ({
    name: table.name,
    isSynced: true,
    remark: remarkOn(table),
    keyKind: table.schema.keyKind,
    rows: pending.has(table.number) ? countRows(context, table) : context.tables.digest(table).rows,
    held: context.asides.countHeld(table.name) + tooLarge.filter((row) => row.table === table.number).length,
    keyless: countKeyless(context, table),
    isRefused: false,
  }));
  const others = context.tables.leftOut().map(({ name, reason, form }) => ({
    name,
    isSynced: false,
    remark: reason,
    keyKind: form.schema.keyKind,
    rows: 0,
    held: 0,
    keyless: 0,
    isRefused: form.obstacle !== null && form.obstacle === reason,
  }));
  return [...synced, ...others].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function remarkOn(table: SyncedTable): string {
  const remarks: string[] = [];
  if (table.isBag) remarks.push('no key: a row is its values and which occurrence it is');
  if (table.form.key.some((column) => column.canBeNull)) remarks.push('rows with NULL in the key are not synced');
  if (table.schema.columns.some((column) => column.rule === 'left-out')) remarks.push('some columns are left out');
  if (table.form.obstacle !== null) remarks.push(table.form.obstacle);
  return remarks.join('; ');
}
