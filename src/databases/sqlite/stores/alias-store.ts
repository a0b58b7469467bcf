import type { CellStamp } from '../../../core/cell-stamp.js';
import { compareLives, isSameLife, type LifeName } from '../../../core/life.js';
import { rowKey, type Alias, type Aliases, type RowKey } from '../../../core/life-state.js';
import type { AliasState } from '../../../core/state-block.js';
import type { Stamp } from '../../../core/stamp.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import type { OriginStore } from './origin-store.js';
import { bytesAt, integerAt, textAt } from '../connection/row-values.js';
import { bytesToStamp, stampToBytes } from './stamp-bytes.js';

/** Rows that became part of an elder row (rule R6). Empty in calm weather. */
export interface AliasStore {
  find(table: string, from: LifeName): { readonly to: LifeName; readonly at: CellStamp } | null;
  put(alias: AliasState): void;
  /** Follows aliases to the row that is meant now. Only those that lead to an elder row count, so it ends. */
  rowNow(table: string, row: LifeName): LifeName;
  /** The rows that are part of `row` by now, elder first; none when the row is part of another itself. */
  mergedInto(table: string, row: LifeName): LifeName[];
  all(): IterableIterator<AliasState>;
  /** By name of the row that became part of another. Kept in memory: it is asked for whenever rows settle. */
  byRow(): Aliases;
  isEmpty(): boolean;
  reload(): void;
}

const selectOneSql = `SELECT to_origin, to_stamp, to_place, at FROM _usync_aliases
  WHERE tbl = ? AND stamp = ? AND origin = ? AND place = ?`;
const selectAllSql = 'SELECT to_origin, to_stamp, to_place, at, tbl, origin, stamp, place FROM _usync_aliases';
const insertSql = `INSERT INTO _usync_aliases (tbl, origin, stamp, place, to_origin, to_stamp, to_place, at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET to_origin = excluded.to_origin,
  to_stamp = excluded.to_stamp, to_place = excluded.to_place, at = excluded.at`;

export function createAliasStore(connection: Connection, origins: OriginStore): AliasStore {
  const select = connection.prepare(selectOneSql);
  const insert = connection.prepare(insertSql);
  const selectAll = connection.prepare(selectAllSql);
  const first = connection.prepare('SELECT 1 FROM _usync_aliases LIMIT 1');
  let isKnownEmpty: boolean | null = null;
  let known: KnownAliases | null = null;

  const nameAt = (row: PlainRow, position: number): LifeName => ({
    origin: origins.originOf(integerAt(row, position)),
    stamp: integerAt(row, position + 1) as Stamp,
    index: integerAt(row, position + 2),
  });
  const store: AliasStore = {
    find(table, from) {
      if (store.isEmpty()) return null;
      const origin = BigInt(origins.numberOf(from.origin));
      const row = select.get(table, BigInt(from.stamp), origin, BigInt(from.index));
      return row ? { to: nameAt(row, 0), at: bytesToStamp(bytesAt(row, 3), origins) } : null;
    },
    put({ table, from, to, at }) {
      const [fromOrigin, toOrigin] = [origins.numberOf(from.origin), origins.numberOf(to.origin)];
      insert.run(
        table,
        BigInt(fromOrigin),
        BigInt(from.stamp),
        BigInt(from.index),
        BigInt(toOrigin),
        BigInt(to.stamp),
        BigInt(to.index),
        stampToBytes(at, origins),
      );
      isKnownEmpty = false;
      if (known) remember(known, { table, from, to, at });
    },
    rowNow(table, row) {
      let now = row;
      for (;;) {
        const next = store.find(table, now);
        if (!next || compareLives(next.to, now) >= 0) return now;
        now = next.to;
      }
    },
    mergedInto(table, row) {
      if (store.isEmpty() || !isSameLife(store.rowNow(table, row), row)) return [];
      return rowsInto(load(), table, row);
    },
    *all() {
      for (const row of selectAll.iterate()) {
        yield {
          table: textAt(row, 4),
          from: nameAt(row, 5),
          to: nameAt(row, 0),
          at: bytesToStamp(bytesAt(row, 3), origins),
        };
      }
    },
    byRow: () => (store.isEmpty() ? noAliases : load().byRow),
    isEmpty: () => (isKnownEmpty ??= first.get() === undefined),
    reload() {
      isKnownEmpty = null;
      known = null;
    },
  };
  return store;

  function load(): KnownAliases {
    return (known ??= knownOf(store.all()));
  }
}

interface KnownAliases {
  readonly byRow: Map<RowKey, Alias>;
  /** The rows that aliases lead from, by the row that they lead to. */
  readonly intoRow: Map<RowKey, LifeName[]>;
}

const noAliases: Aliases = new Map();

function knownOf(aliases: Iterable<AliasState>): KnownAliases {
  const known: KnownAliases = { byRow: new Map(), intoRow: new Map() };
  for (const alias of aliases) remember(known, alias);
  return known;
}

/** Aliases are followed back; those that lead to a younger row do not count. */
function rowsInto({ intoRow }: KnownAliases, table: string, row: LifeName): LifeName[] {
  const merged: LifeName[] = [];
  const waiting = [row];
  for (let now = waiting.pop(); now; now = waiting.pop()) {
    for (const from of intoRow.get(rowKey(table, now)) ?? []) {
      if (compareLives(now, from) >= 0) continue;
      merged.push(from);
      waiting.push(from);
    }
  }
  return merged.toSorted(compareLives);
}

function remember({ byRow, intoRow }: KnownAliases, { table, from, to, at }: AliasState): void {
  const name = rowKey(table, from);
  const before = byRow.get(name);
  if (before) {
    const target = rowKey(table, before.to);
    const others = (intoRow.get(target) ?? []).filter((each) => !isSameLife(each, from));
    if (others.length > 0) intoRow.set(target, others);
    else intoRow.delete(target);
  }
  byRow.set(name, { to, at });
  const target = rowKey(table, to);
  const into = intoRow.get(target);
  if (into) into.push(from);
  else intoRow.set(target, [from]);
}
