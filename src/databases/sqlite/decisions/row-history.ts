import { isMarkColumn } from '../../../core/mark-column.js';
import type { ChangeBlock } from '../../../core/changeset.js';
import { lifeText, type LifeName } from '../../../core/life.js';
import { msOfStamp } from '../../../core/stamp.js';
import { SyncError } from '../../../core/sync-error.js';
import { isSameValue, RawText, RowReference, type CellValue, type SqlValue } from '../../../core/value.js';
import type { RowHistory, RowHistoryRequest, RowVersion } from '../../replica.js';
import { cellsOfChange, keyOfChange } from '../merge/merge-rows.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { SyncedTable } from '../schema/synced-table.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Key } from '../stores/shadow-store.js';
import { cellText } from './conflict-records.js';
import { journalBlocks, type JournalBlock } from './journal-changes.js';
import { toldColumn } from './told-column.js';

/**
 * What happened to the row that stands, or stood, at a key, as far back as the journal goes; newest first. Rows that
 * had the key before it are told too. Reads the whole journal.
 */
export function rowHistory(context: ReplicaContext, { table: name, key: parts, max }: RowHistoryRequest): RowHistory {
  const table = context.tables.byName(name);
  if (!table) throw new SyncError('USYNC-1802', `There is no synced table "${name}" in dataset ${context.dataset}.`);
  const key = keyOf(context, table, parts);
  memoryOf(context).begin();
  const lives = livesAt(context, table, key);
  const versions: RowVersion[] = [];
  for (const found of journalBlocks(context, () => true)) {
    if (found.block.table !== table.name) continue;
    versions.push(...versionsIn(context, found, { lives, key, table }));
    if (versions.length >= max) break;
  }
  const isShown = context.shadows.find(table, key) !== null;
  const isWhole = versions.at(-1)?.kind === 'insert';
  // The journal is in the order of landing; what was written long ago elsewhere may have landed last.
  const newestFirst = versions.toSorted((one, other) => other.atMs - one.atMs);
  return { table: table.name, isShown, isWhole, versions: newestFirst.slice(0, max) };
}

/** The key as the table compares it: what a person typed is text, the column may be a number. */
function keyOf({ connection }: ReplicaContext, table: SyncedTable, parts: readonly string[]): Key {
  if (table.isBag)
    throw new SyncError('USYNC-1802', `Table ${table.name} has no key, so none of its rows can be named.`, {
      nextStep: 'Look at "usync conflicts" and at the activity of the dashboard for its changes.',
    });
  if (parts.length !== table.keySql.length) {
    const given = parts.length === 1 ? '1 value was' : `${parts.length} values were`;
    const wanted = `a key of ${table.schema.key.join(', ')}`;
    throw new SyncError('USYNC-1802', `Table ${table.name} has ${wanted}; ${given} given.`);
  }
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  const shown = connection
    .cached(`SELECT ${table.keySql.join(', ')} FROM ${table.sql} WHERE ${where}`)
    .getExact(...parts);
  return shown ?? parts.map((text, part) => guess(table, part, text));
}

/** A row that is gone: integers are taken for integers where the column is one. */
function guess(table: SyncedTable, part: number, text: string): SqlValue {
  const column = table.schema.columns.find(({ name }) => name === table.schema.key[part]);
  return /^-?\d{1,18}$/.test(text) && /int|^$/i.test(column?.declaredType ?? '') ? BigInt(text) : text;
}

/** The lives of the row that is shown at the key now; more are found on the way. */
function livesAt(context: ReplicaContext, table: SyncedTable, key: Key): Set<string> {
  const shadow = context.shadows.find(table, key);
  if (!shadow) return new Set();
  const row = context.aliases.rowNow(table.name, shadow.row ?? shadow.life);
  const others = context.asides.isEmpty(table.name) ? [] : context.asides.ofRow(table.name, row);
  return new Set([shadow.life, row, ...others.map(({ life }) => life)].map(lifeText));
}

interface Looked {
  readonly lives: Set<string>;
  readonly key: Key;
  readonly table: SyncedTable;
}

function versionsIn(context: ReplicaContext, { entry, block }: JournalBlock, looked: Looked): RowVersion[] {
  const found: RowVersion[] = [];
  // What references mean is written beside them: no value of a person.
  if (block.kind === 'update' && block.columns.every(isMarkColumn)) return [];
  for (let i = 0; i < block.count; i++) {
    if (!isOfRow(block, i, entry, looked)) continue;
    const cells = block.kind === 'insert' || block.kind === 'update' ? cellsOfChange(block, i, entry.origin) : [];
    const time = 'times' in block ? block.times[i] : undefined;
    found.push({
      kind: block.kind,
      origin: entry.origin,
      atMs: msOfStamp(time ?? entry.stamp),
      mergedMs: entry.mergedMs,
      cells: [...cells].flatMap(([name, { value }]) => {
        const told = toldColumn(name);
        const text = cellText(context, { table: looked.table.name, column: name }, value);
        return told ? [{ column: told.column, value: told.text(text) }] : [];
      }),
    });
  }
  return found;
}

function isOfRow(block: ChangeBlock, i: number, entry: JournalBlock['entry'], { lives, key, table }: Looked): boolean {
  const named = livesNamed(block, i, entry);
  const isNamed = named.some((life) => lives.has(lifeText(life)));
  const stood = block.kind === 'insert' ? keyOfInsert(block, i, table) : keyHint(block, i);
  if (!isNamed && !(stood !== null && isSameKey(stood, key))) return false;
  for (const life of named) lives.add(lifeText(life));
  return true;
}

function livesNamed(block: ChangeBlock, i: number, entry: JournalBlock['entry']): readonly LifeName[] {
  switch (block.kind) {
    case 'insert': {
      const row = block.rows.get(i);
      const life = { origin: entry.origin, stamp: entry.stamp, index: block.indexes[i] ?? 0 };
      return row ? [life, row] : [life];
    }
    case 'merge':
      return [block.from[i], block.to[i]].flatMap((life) => life ?? []);
    default:
      return block.lives[i] ?? [];
  }
}

const keyHint = (block: ChangeBlock, i: number): readonly CellValue[] | null =>
  'keys' in block ? keyOfChange(block.keys, i) : null;

const keyOfInsert = (block: Extract<ChangeBlock, { kind: 'insert' }>, i: number, table: SyncedTable): CellValue[] =>
  table.schema.key.map((column) => block.values[block.columns.indexOf(column)]?.[i] ?? null);

const isSameKey = (a: readonly CellValue[], b: Key): boolean =>
  a.length === b.length && a.every((value, i) => !(value instanceof RowReference) && isSameText(value, b[i] ?? null));

/** A key that a person typed for a row that is gone may be of another kind than the column's. */
const isSameText = (a: SqlValue, b: SqlValue): boolean =>
  isSameValue(a, b) || (typeof b === 'string' && !(a instanceof RawText) && a !== null && String(a) === b);
