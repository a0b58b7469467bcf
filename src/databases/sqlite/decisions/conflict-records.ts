import { lifeText } from '../../../core/life.js';
import type { OriginId } from '../../../core/origin.js';
import { RowReference, type CellValue } from '../../../core/value.js';
import { genesisNumber } from '../capture/genesis-row.js';
import type { ConflictRecord, ConflictsRequest } from '../../replica.js';
import { quoteName } from '../connection/identifiers.js';
import { conflictHere } from './conflict-here.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { Conflict } from '../stores/conflict-store.js';
import type { Cells } from '../stores/conflict-recorder.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { valueLiteral } from '../stores/value-literal.js';

/** What lost, for people: newest first, or the ones whose id begins as asked. */
export function conflictRecords(context: ReplicaContext, { max, idStart }: ConflictsRequest): ConflictRecord[] {
  const found = idStart === undefined ? context.conflicts.list(max) : context.conflicts.find(idStart).slice(0, max);
  memoryOf(context).begin();
  return found.map((conflict) => recordOf(context, conflictHere(context, conflict)));
}

function recordOf(context: ReplicaContext, conflict: Conflict): ConflictRecord {
  const { id, table, column, rule, note, kept, lost, rest, lostOrigin, keptOrigin, atMs, noticedMs } = conflict;
  const text = (name: string, value: CellValue): string => cellText(context, { table, column: name }, value);
  const standing = isKeyLoser(conflict) ? standingRow(context, conflict) : null;
  return {
    id,
    table,
    key: conflict.key.map((value) => valueLiteral(value)).join(', '),
    column,
    rule,
    kept: standing?.text ?? (column === null ? note : text(column, kept.get(column)?.value ?? null)),
    lost: column === null ? rowText(lost, text) : text(column, lost.get(column)?.value ?? null),
    rest: rest && [...rest].map(([name, { value }]) => ({ column: name, value: text(name, value) })),
    lostOrigin,
    keptOrigin: standing?.origin ?? keptOrigin,
    atMs,
    noticedMs,
    settledMs: null,
    canRestore: column !== null || rest !== null,
  };
}

/** The row stepped behind another one with its key. */
export const isKeyLoser = ({ column, rule }: Conflict): boolean => column === null && rule.startsWith('youngest');

interface StandingRow {
  readonly text: string;
  readonly origin: OriginId;
}

/** The row that has the key now, as a person sees it, and who wrote it; null where none has, or this very one. */
function standingRow(context: ReplicaContext, { table: name, key, life }: Conflict): StandingRow | null {
  const table = context.tables.byName(name);
  if (!table || table.isBag || key.length !== table.keySql.length) return null;
  const shadow = context.shadows.find(table, key);
  if (!shadow || lifeText(shadow.life) === lifeText(life)) return null;
  const columns = table.form.columns
    .map((column) => column.name)
    .filter((column) => table.positionByColumn.has(column));
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const row = context.connection
    .cached(`SELECT ${columns.map(quoteName).join(', ')} FROM ${table.sql} WHERE ${where}`)
    .getExact(...key);
  if (!row) return null;
  const cells = columns.map((column, at) => `${column} = ${valueLiteral(row[at] ?? null)}`);
  return { text: cells.join(', '), origin: shadow.at.origin };
}

const rowText = (cells: Cells, text: (column: string, value: CellValue) => string): string =>
  [...cells].map(([column, { value }]) => `${column} = ${text(column, value)}`).join(', ');

/** A reference is told as the number that the row has here now; in words when it is not shown. */
export function cellText(
  context: ReplicaContext,
  place: { readonly table: string; readonly column: string },
  value: CellValue,
): string {
  if (!(value instanceof RowReference)) return valueLiteral(value);
  const key = keyOfReference(context, place, value);
  if (key !== null) return valueLiteral(key);
  const parent = referenceAt(context, place)?.parentTable;
  const words = parent === undefined ? 'a row of another table' : `a row of ${parent} that is not here`;
  const number = genesisNumber(value.row);
  return number === null ? `(${words})` : `${number} (${words})`;
}

/** The number at which the referenced row is shown here; null when it is not. */
export function keyOfReference(
  context: ReplicaContext,
  place: { readonly table: string; readonly column: string },
  { row }: RowReference,
): bigint | null {
  const { rows } = memoryOf(context);
  const reference = referenceAt(context, place);
  const parent = reference && context.tables.byName(reference.parentTable);
  const [number] = (parent && rows.keyOfRow(parent, row)) ?? [];
  return typeof number === 'bigint' ? number : null;
}

function referenceAt(context: ReplicaContext, { table, column }: { readonly table: string; readonly column: string }) {
  const synced = context.tables.byName(table);
  return synced ? memoryOf(context).set.planOf(synced).referenceByColumn.get(column) : undefined;
}
