import { RawText, type SqlValue } from '../../../core/value.js';
import type { Comparison } from '../capture/comparison.js';
import { endRows } from '../capture/ended-rows.js';
import { carryKnownValues } from '../capture/known-values.js';
import { noteKind } from '../capture/note-kind.js';
import type { NoteRange } from '../capture/note-store.js';
import { foldKey } from '../capture/genesis-row.js';
import { rowOfShadow } from '../stores/row-parts.js';
import type { Key, Shadow } from '../stores/shadow-store.js';
import { shadowKeyColumns, type SyncedTable } from '../schema/synced-table.js';

/** A key as text, for maps: the same for keys that the table takes for equal. Tells 1, '1' and x'31' apart. */
export function keyText(table: SyncedTable, key: readonly SqlValue[]): string {
  let text = '';
  for (const [part, value] of key.entries()) {
    const own = typeof value === 'string' ? foldKey(table, part, value) : textOf(value);
    text += `${kindOf(value)}${own.length}:${own}`;
  }
  return text;
}

function kindOf(value: SqlValue): string {
  if (value === null) return '0';
  if (typeof value === 'object') return value instanceof RawText ? 'r' : 'x';
  return typeof value === 'string' ? 't' : 'n';
}

function textOf(value: SqlValue): string {
  if (value instanceof RawText) return Buffer.from(value.bytes).toString('hex');
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/**
 * Updates that changed keys: the shadow of each row follows it, so that the key is a changed column like any other and
 * the life goes on. Rows are followed through chains and swaps (1 to 3, 2 to 1, 3 to 2). Must be in the write transaction.
 */
export function followKeyMoves(comparison: Comparison, range: NoteRange): Pick<Comparison, 'oldKeys' | 'takenKeys'> {
  const { context, table } = comparison;
  const before = traceKeys(comparison, range);
  const shadows = new Map<string, { readonly key: Key; readonly shadow: Shadow }>();
  for (const { now, was } of before.values()) {
    for (const key of [now, ...(was ? [was] : [])]) {
      const shadow = shadows.has(keyText(table, key)) ? null : context.shadows.find(table, key);
      if (shadow) shadows.set(keyText(table, key), { key, shadow });
    }
  }
  const moves = [...before.values()].flatMap(({ now, was }) => {
    const from = was && shadows.get(keyText(table, was));
    return was && from && keyText(table, now) !== keyText(table, was) && rowExists(comparison, now)
      ? [{ now, from }]
      : [];
  });
  const moved = new Set(moves.map(({ from }) => keyText(table, from.key)));
  const stays = (text: string): boolean => {
    const was = before.get(text)?.was;
    return was !== undefined && was !== null && keyText(table, was) === text;
  };
  const ended = [...shadows].filter(([text]) => !moved.has(text) && !stays(text) && before.has(text));
  endRows(
    comparison,
    'delete',
    ended.map(([, row]) => row),
  );
  const carried = moves.map(({ now, from }) => ({ from: from.key, to: now }));
  const putKnownValues = carryKnownValues(context, table, carried);
  for (const { from } of moves) context.shadows.remove(table, from.key);
  const oldKeys = new Map<string, Key>();
  for (const { now, from } of moves) {
    context.shadows.put(table, now, from.shadow);
    context.lives.moved(table, from.shadow.life, now);
    oldKeys.set(keyText(table, now), from.key);
    keepInBatch(comparison, now);
    endKeyLosers(comparison, from.key, from.shadow);
  }
  putKnownValues();
  return { oldKeys, takenKeys: ended.map(([, { key }]) => key) };
}

interface Trace {
  readonly now: Key;
  /** The key at which the row of `now` stood before all of it; null: another row, or none. */
  readonly was: Key | null;
}

/** For every key that a note of the range says was left, reached, freed or taken: which row stands there in the end. */
function traceKeys({ context, table }: Comparison, range: NoteRange): Map<string, Trace> {
  const keys = shadowKeyColumns(table);
  const notes = context.connection
    .cached(
      `SELECT op, ${keys.join(', ')} FROM main._usync_notes
       WHERE seq > ? AND seq <= ? AND tbl = ? AND op IN (1, 3, 4, 5) ORDER BY seq`,
    )
    .allExact(BigInt(range.after), BigInt(range.upTo), BigInt(table.number));
  const traces = new Map<string, Trace>();
  let leaving: Key | null = null;
  for (const [op, ...key] of notes) {
    const text = keyText(table, key);
    if (op === BigInt(noteKind.movedFrom)) {
      const trace = traces.get(text);
      leaving = trace ? trace.was : key;
      traces.set(text, { now: key, was: null });
    } else if (op === BigInt(noteKind.movedTo)) {
      traces.set(text, { now: key, was: leaving });
      leaving = null;
    } else if (op === BigInt(noteKind.delete) || traces.get(text)?.was === null) {
      traces.set(text, { now: key, was: null });
    }
  }
  return traces;
}

function rowExists({ context, table }: Comparison, key: Key): boolean {
  const where = table.keySql.map((column) => `${column} = ?`).join(' AND ');
  return context.connection.cached(`SELECT 1 FROM ${table.sql} WHERE ${where}`).get(...key) !== undefined;
}

/** A delete that was noted at the key was of another row: the one that stands there now came from elsewhere. */
function keepInBatch({ context, table, batch }: Comparison, key: Key): void {
  const where = shadowKeyColumns(table)
    .map((column) => `${column} = ?`)
    .join(' AND ');
  context.connection
    .cached(`UPDATE temp._usync_batch SET d = 0 WHERE ${where} AND n BETWEEN ? AND ?`)
    .run(...key, BigInt(batch.first), BigInt(batch.last));
}

/** Rows that had lost this key to the row end when the row leaves it (rule R2.5): nobody else asked for them. */
function endKeyLosers(comparison: Comparison, key: Key, shadow: Shadow): void {
  const { context, table, changeset } = comparison;
  const losers = context.asides
    .behind(table.name, rowOfShadow(context, table.name, shadow))
    .filter((aside) => aside.why === 'key-loser');
  if (losers.length === 0) return;
  changeset.add({
    kind: 'end',
    table: table.name,
    why: 'rekey',
    count: 1,
    lives: [losers.map((loser) => loser.life)],
    keyColumns: table.schema.key,
    keys: table.isBag ? [] : key.map((value) => [value]),
  });
  for (const loser of losers) context.asides.remove(table.name, loser.life);
}
