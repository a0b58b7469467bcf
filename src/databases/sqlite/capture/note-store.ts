import type { SqlValue } from '../../../core/value.js';
import type { Connection } from '../connection/driver.js';

/** What waits in `_usync_notes`. Notes are numbered by SQLite: one more than the highest there is. */
export interface NoteStore {
  /** The number of the newest note; 0 when there is none. */
  newest(): number;
  /** How many notes wait after `cursor`; exact, for reports. */
  countAfter(cursor: number): number;
  /** Whether anything waits after `cursor`. A look at one row. */
  hasAfter(cursor: number): boolean;
  /** Numbers of the tables that have notes in (after, upTo], with the count of notes of each. */
  tablesIn(range: NoteRange): readonly TableNotes[];
  /** The number of the note at which `count` notes after `after` are reached, or the newest: bounds one drain. */
  endOf(after: number, count: number): number;
  /** The notes themselves, in order, for tests and reports; drains read them by joins. */
  read(range: NoteRange, keyColumnCount: number): readonly Note[];
  /**
   * Deletes notes that were drained, up to and with `upTo`, but never the newest: with an empty table the numbers would
   * start at 1 again, and notes would hide behind the cursor. In a write transaction.
   */
  forget(upTo: number): number;
  /**
   * True when the notes were emptied or made anew by someone else: the newest is older than what was drained already.
   * Everything must be reconciled then, and the cursor begins at 0.
   */
  wentBack(cursor: number): boolean;
}

export interface NoteRange {
  readonly after: number;
  readonly upTo: number;
}

export interface TableNotes {
  readonly table: number;
  readonly kinds: ReadonlySet<number>;
}

export interface Note {
  readonly seq: number;
  readonly table: number;
  readonly kind: number;
  readonly timeMs: number;
  readonly key: readonly SqlValue[];
}

export function createNoteStore(connection: Connection): NoteStore {
  const newestStatement = connection.prepare('SELECT max(seq) FROM _usync_notes');
  const newest = (): number => Number(newestStatement.get()?.[0] ?? 0);
  return {
    newest,
    countAfter: (cursor) => numberOf(connection, 'SELECT count(*) FROM _usync_notes WHERE seq > ?', cursor),
    hasAfter: (cursor) => newest() > cursor,
    tablesIn({ after, upTo }) {
      // Without GROUP BY: many notes would be sorted for it.
      const found = connection
        .cached('SELECT DISTINCT tbl, op FROM _usync_notes WHERE seq > ? AND seq <= ?')
        .all(BigInt(after), BigInt(upTo));
      const kinds = new Map<number, Set<number>>();
      for (const [table, kind] of found) {
        const ofTable = kinds.get(Number(table)) ?? new Set();
        kinds.set(Number(table), ofTable.add(Number(kind)));
      }
      return [...kinds].map(([table, ofTable]) => ({ table, kinds: ofTable })).toSorted((a, b) => a.table - b.table);
    },
    endOf(after, count) {
      const row = connection
        .cached('SELECT seq FROM _usync_notes WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?')
        .get(BigInt(after), BigInt(count - 1));
      return row ? Number(row[0]) : Math.max(newest(), after);
    },
    read({ after, upTo }, keyColumnCount) {
      const keys = Array.from({ length: keyColumnCount }, (_, i) => `, k${i + 1}`).join('');
      return connection
        .cached(`SELECT seq, tbl, op, time${keys} FROM _usync_notes WHERE seq > ? AND seq <= ? ORDER BY seq`)
        .allExact(BigInt(after), BigInt(upTo))
        .map(([seq, table, kind, time, ...key]) => ({
          seq: Number(seq),
          table: Number(table),
          kind: Number(kind),
          timeMs: Number(time),
          key,
        }));
    },
    forget(upTo) {
      const top = newest();
      const oldest = numberOf(connection, 'SELECT min(seq) FROM _usync_notes WHERE seq <= ?', upTo);
      if (upTo >= top && top - oldest >= manyNotes) return forgetAllButNewest(connection);
      return connection.cached('DELETE FROM _usync_notes WHERE seq <= ? AND seq < ?').run(BigInt(upTo), BigInt(top))
        .changes;
    },
    wentBack: (cursor) => newest() < cursor,
  };
}

/** So many are not deleted one by one. */
const manyNotes = 1000;

/** SQLite empties a whole table without touching its rows one by one: many notes are forgotten at once by it. */
function forgetAllButNewest(connection: Connection): number {
  const newest = connection.cached('SELECT * FROM _usync_notes ORDER BY seq DESC LIMIT 1').getExact();
  if (!newest) return 0;
  const { changes } = connection.cached('DELETE FROM _usync_notes').run();
  connection.cached(`INSERT INTO _usync_notes VALUES (${newest.map(() => '?').join(', ')})`).run(...newest);
  return changes - 1;
}

const numberOf = (connection: Connection, sql: string, param: number): number =>
  Number(connection.cached(sql).get(BigInt(param))?.[0] ?? 0);
