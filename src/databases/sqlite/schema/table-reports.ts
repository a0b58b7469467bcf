import type { SqlValue } from '../../../core/value.js';
import { RawText } from '../../../core/value.js';
import type { QuarantineRecord, TableReport } from '../../replica.js';
import type { AsideLife, AsideReason } from '../stores/aside-store.js';
import { pendingReconciles } from '../capture/pending-reconcile.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { countRows } from './schema-change.js';
import type { SyncedTable } from './synced-table.js';

/** Every table of the application, synced or not, by name. */
export function tableReports(context: ReplicaContext): TableReport[] {
  const pending = new Set(pendingReconciles(context).map(({ table }) => table.number));
  const synced = context.tables.all().map((table) => ({
    name: table.name,
    isSynced: true,
    remark: remarkOn(table),
    keyKind: table.schema.keyKind,
    rows: pending.has(table.number) ? countRows(context, table) : context.tables.digest(table).rows,
    held: context.asides.countHeld(table.name),
  }));
  const others = context.tables.leftOut().map(({ name, reason, form }) => ({
    name,
    isSynced: false,
    remark: reason,
    keyKind: form.schema.keyKind,
    rows: 0,
    held: 0,
  }));
  return [...synced, ...others].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function remarkOn(table: SyncedTable): string {
  const remarks: string[] = [];
  if (table.isBag) remarks.push('no key: a row is its values and which occurrence it is');
  if (table.form.key.some((column) => column.canBeNull)) remarks.push('rows with NULL in the key are not synced');
  if (table.schema.columns.some((column) => column.rule === 'left-out')) remarks.push('some columns are left out');
  return remarks.join('; ');
}

/** What cannot be shown here yet, with what would free it. */
export function quarantineRecords(context: ReplicaContext, max: number): QuarantineRecord[] {
  const records: QuarantineRecord[] = [];
  for (const table of context.asides.tables()) {
    for (const life of context.asides.all(table)) {
      const freedBy = freedByReason[life.why];
      if (freedBy === null) continue;
      if (records.length >= max) return records;
      const reason = life.note === null ? life.why : `${life.why}: ${life.note}`;
      records.push({ table, key: keyOfLife(life), reason, freedBy });
    }
  }
  return records;
}

/** Null: it is not held back, but one with what is shown. */
const freedByReason: Readonly<Record<AsideReason, string | null>> = {
  part: null,
  'key-loser': null,
  merging: null,
  doomed: null,
  'hidden-key': 'the row that holds the key being shown or deleted',
  held: 'a change of one of the two rows with the same unique value',
  renaming: 'the server that wrote the row, which renames it',
  'parent-hidden': 'the parent row being shown',
  'parent-missing': 'the parent row coming back',
  'table-unknown': 'the table being made here',
  'column-unknown': 'the column being made here',
  refused: 'a schema that allows the row',
};

const keyOfLife = (life: AsideLife): string => (life.key ? life.key.map(valueText).join(', ') : '');

function valueText(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (value instanceof RawText) return `x'${Buffer.from(value.bytes).toString('hex')}'`;
  return value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex')}'` : String(value);
}
