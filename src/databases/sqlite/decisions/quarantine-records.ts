import { rowBytesMax } from '../../../core/limits.js';
import { lifeText } from '../../../core/life.js';
import { msOfStamp } from '../../../core/stamp.js';
import type { QuarantineRecord, QuarantineRequest } from '../../replica.js';
import { tooLargeRows } from '../capture/too-large-rows.js';
import { memoryOf } from '../merge/merge-changeset.js';
import { isHeldBack, type AsideLife, type HeldReason } from '../stores/aside-store.js';
import { conflictId } from '../stores/conflict-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { schemaTable } from '../schema/schema-table.js';
import { valueLiteral } from '../stores/value-literal.js';
import { cellText } from './conflict-records.js';

/** What cannot be shown here yet, with what would free it. */
export function quarantineRecords(
  context: ReplicaContext,
  { max, idStart = '' }: QuarantineRequest,
): QuarantineRecord[] {
  memoryOf(context).begin();
  const records: QuarantineRecord[] = [];
  for (const life of heldLives(context)) {
    if (records.length >= max) return records;
    if (quarantineId(life).startsWith(idStart)) records.push(recordOf(context, life));
  }
  for (const record of tooLargeRecords(context))
    if (records.length < max && record.id.startsWith(idStart)) records.push(record);
  return records;
}

/** Written here, and kept from the others. */
function tooLargeRecords(context: ReplicaContext): QuarantineRecord[] {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return tooLargeRows(context).flatMap(({ table: number, key, bytes }) => {
    const table = context.tables.byNumber(number);
    if (!table) return [];
    return {
      id: conflictId(`too large/${table.name}/${key.join(', ')}`),
      table: table.name,
      key: key.join(', '),
      reason: `the row holds ${mebibytes(bytes)}, and ${mebibytes(rowBytesMax)} can be sent: it is on this server alone as it stands`,
      freedBy: 'a write that makes the row smaller',
      origin: context.origins.own(),
      atMs: context.system.nowMs(),
      cells: [],
    };
  });
}

interface HeldLife extends AsideLife {
  readonly why: HeldReason;
}

const isHeld = (life: AsideLife): life is HeldLife => isHeldBack(life.why);

/** Lives that are held back as such, not with a row that is shown. */
export function* heldLives(context: ReplicaContext): IterableIterator<HeldLife> {
  for (const table of context.asides.tables()) {
    if (table === schemaTable) continue;
    for (const life of [...context.asides.all(table)]) if (isHeld(life)) yield life;
  }
}

export const quarantineId = ({ table, life }: Pick<AsideLife, 'table' | 'life'>): string =>
  conflictId(`${table}/${lifeText(life)}`);

const recordOf = (context: ReplicaContext, life: HeldLife): QuarantineRecord => ({
  id: quarantineId(life),
  table: life.table,
  key: life.key ? life.key.map((value) => valueLiteral(value)).join(', ') : '',
  reason: reasonOf(context, life),
  freedBy: freedByReason[life.why],
  origin: life.life.origin,
  atMs: msOfStamp(life.life.stamp),
  cells: [...life.cells].map(([column, { value }]) => ({
    column,
    value: cellText(context, { table: life.table, column }, value),
  })),
});

/** In words, with the row that is in the way where it is known, and the constraint. */
function reasonOf(context: ReplicaContext, { table, why, behind, note }: HeldLife): string {
  const synced = context.tables.byName(table);
  const key = synced && behind ? memoryOf(context).rows.keyOfRow(synced, behind) : null;
  const other = key ? `row ${key.map((value) => valueLiteral(value)).join(', ')}` : 'another row';
  const words = wordsByReason[why].replace('OTHER', other);
  // What stands in brackets behind a refusal is for the digest.
  return note === null ? words : `${words}: ${note.replace(/ \[\d+\]$/, '')}`;
}

const wordsByReason: Readonly<Record<HeldReason, string>> = {
  'hidden-key': 'OTHER stands at its key, and is not shown itself',
  held: 'OTHER has the same unique value',
  renaming: 'OTHER has the same unique value, and this one is being renamed',
  'parent-hidden': 'the row that it refers to is held back',
  'parent-missing': 'the row that it refers to is not here',
  'table-unknown': 'the table is not here',
  'column-unknown': 'the table has another key here',
  refused: 'the schema here refuses it',
};

const freedByReason: Readonly<Record<HeldReason, string>> = {
  'hidden-key': 'the row that holds the key being shown or deleted',
  held: 'a change of one of the two rows with the same unique value',
  renaming: 'the server that wrote the row, which renames it',
  'parent-hidden': 'the parent row being shown',
  'parent-missing': 'the parent row coming back',
  'table-unknown': 'the table being made here',
  'column-unknown': 'the table having the key here that it has where the row was written',
  refused: 'a schema that allows the row',
};
