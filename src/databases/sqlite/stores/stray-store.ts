import type { ChangesetHeader } from '../../../core/changeset.js';
import type { OriginId } from '../../../core/origin.js';
import type { OriginRenaming } from '../../../core/rename-origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { straysMax } from '../../../core/seen-codec.js';
import { isPlain, type StampSpan, type Stray } from '../../../core/stamp-span.js';
import type { Connection } from '../connection/driver.js';
import { integerAt, textAt } from '../connection/row-values.js';

/**
 * `_usync_strays`: changesets whose cells have stamps that lie outside of what the changeset's own place tells, after
 * clocks went back or a branch got a name of its own. Without them an edit that somebody had not seen would be taken for
 * one that he had. In calm weather the table is empty.
 */
export interface StrayStore {
  note(header: Pick<ChangesetHeader, 'origin' | 'stamp' | 'prev'>, span: StampSpan | null): void;
  of(origin: OriginId): readonly Stray[];
  /** Whose cells they are about. */
  origins(): Iterable<OriginId>;
  /** What another server knows of them. */
  learn(origin: OriginId, strays: readonly Stray[]): void;
  /** The branch's cells keep the name of the origin in their stamps. `last` is its newest changeset. */
  rename(renaming: OriginRenaming, last: Stamp): void;
  /** Grows whenever something was noted. */
  readonly version: number;
  reload(): void;
}

interface StoredStray extends Stray {
  readonly number: number;
}

export function createStrayStore(connection: Connection): StrayStore {
  let known: Map<OriginId, StoredStray[]> | null = null;
  let version = 0;
  const load = (): Map<OriginId, StoredStray[]> => (known ??= loadStrays(connection));
  const insert = (origin: OriginId, stray: Stray): void => {
    const strays = load().get(origin) ?? [];
    const number = 1 + Math.max(0, ...[...load().values()].map((each) => each.at(-1)?.number ?? 0));
    connection
      .cached('INSERT INTO _usync_strays (number, origin, low, high, writer, stamp) VALUES (?, ?, ?, ?, ?, ?)')
      .run(BigInt(number), origin, BigInt(stray.low), BigInt(stray.high), stray.writer, BigInt(stray.stamp));
    strays.push({ ...stray, number });
    load().set(origin, strays);
    version++;
  };
  const fold = (origin: OriginId): void => {
    const [first, second] = load().get(origin) ?? [];
    if (!first || !second) return;
    const low = Math.min(first.low, second.low);
    const high = Math.max(first.high, second.high);
    connection.cached('DELETE FROM _usync_strays WHERE number = ?').run(BigInt(first.number));
    connection
      .cached('UPDATE _usync_strays SET low = ?, high = ? WHERE number = ?')
      .run(BigInt(low), BigInt(high), BigInt(second.number));
    known = null;
  };
  /** Beyond so many per origin the two oldest become one that reaches over both. */
  const add = (origin: OriginId, stray: Stray): void => {
    insert(origin, stray);
    if ((load().get(origin)?.length ?? 0) > straysMax) fold(origin);
  };
  const isKnown = (origin: OriginId, { low, high, writer, stamp }: Stray): boolean =>
    store
      .of(origin)
      .some((each) => each.writer === writer && each.stamp === stamp && each.low <= low && high <= each.high);
  const store: StrayStore = {
    note({ origin, stamp, prev }, span) {
      if (!span || isPlain(span, { stamp, prev })) return;
      add(origin, { ...span, writer: origin, stamp });
    },
    of: (origin) => load().get(origin) ?? [],
    origins: () => load().keys(),
    learn(origin, strays) {
      for (const stray of strays) if (!isKnown(origin, stray)) add(origin, stray);
    },
    rename({ origin, from, before, to }, last) {
      connection
        .cached('UPDATE _usync_strays SET writer = ? WHERE writer = ? AND stamp >= ?')
        .run(to, origin, BigInt(from));
      known = null;
      insert(origin, { low: (before.stamp + 1) as Stamp, high: last, writer: to, stamp: last });
    },
    get version() {
      return version;
    },
    reload() {
      known = null;
      version++;
    },
  };
  return store;
}

function loadStrays(connection: Connection): Map<OriginId, StoredStray[]> {
  const loaded = new Map<OriginId, StoredStray[]>();
  const sql = 'SELECT origin, number, low, high, writer, stamp FROM _usync_strays ORDER BY number';
  for (const row of connection.cached(sql).all()) {
    const origin = textAt(row, 0) as OriginId;
    const [low, high, stamp] = [integerAt(row, 2) as Stamp, integerAt(row, 3) as Stamp, integerAt(row, 5) as Stamp];
    const stray = { number: integerAt(row, 1), low, high, writer: textAt(row, 4) as OriginId, stamp };
    const strays = loaded.get(origin);
    if (strays) strays.push(stray);
    else loaded.set(origin, [stray]);
  }
  return loaded;
}
