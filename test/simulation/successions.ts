/**
 * Which row another one goes on as. To capture a note is a hint, and the truth is the row as it stands (the design, capture):
 * a row that was put at the number of another one is a change of that one, unless a trigger told that it was deleted.
 * What REPLACE removes by a unique value is no exception: nothing is noted of it, or the same as of a row that stays since
 * the statement was ignored or became an update. The ledger looks at whole transactions, and this at the tables after
 * every statement.
 */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { applicationStatement } from './application-statements.js';
import type { Plan } from './plan.js';
import type { ServerTable } from './server-schema.js';
import { quoteName, type SimulatedTable } from './table-design.js';

export interface Successions {
  /** The application of this server begins a transaction. */
  begin(server: number, application: WatchedApplication): WatchedTransaction;
  /** The row (its `born` token) that this one took the place of, and the server on which it did. */
  readonly formerOf: (token: string) => Succession | undefined;
}

export interface Succession {
  readonly former: string;
  readonly server: number;
}

export interface WatchedApplication {
  readonly db: DatabaseSyncInstance;
  readonly tables: readonly ServerTable[];
}

export interface WatchedTransaction {
  /** This statement was run. */
  note(sql: string): void;
  commit(): void;
}

/** Rows that clash in this table are not to become one, and nothing but their applications can end them. */
export const keepsRowsApart = ({ key, uniquePolicy = 'merge', references, keyReferences }: SimulatedTable): boolean =>
  // Whoever refers to a row may go with it.
  key.kind === 'generated' && uniquePolicy !== 'merge' && references.length === 0 && !keyReferences;

/** The birth of the row at each number. */
type Places = ReadonlyMap<string, string>;

interface WatchedTable {
  readonly table: ServerTable;
  /** Notes are written: not between the rebuild of a table and the next look of the engine. */
  readonly isNoted: boolean;
  /** Rows that went and of which no trigger told, by the number at which they stood. */
  readonly unseen: Map<string, string>;
  places: Places;
}

export function createSuccessions(plan: Pick<Plan, 'tables'>): Successions {
  const watched = plan.tables.flatMap((table, index) => (keepsRowsApart(table) ? [index] : []));
  const unseenByPlace = new Map<string, ReadonlyMap<string, string>>();
  const successions = new Map<string, Succession>();
  return {
    begin(server, { db, tables }) {
      const placeOf = (index: number): string => `${server}/${index}`;
      const found = watched.flatMap((index) => {
        const table = tables[index];
        if (!table || table.isAbsent) return [];
        const unseen = new Map(unseenByPlace.get(placeOf(index)));
        return [{ index, table, unseen, isNoted: hasTriggers(db, table), places: placesIn(db, table) }];
      });
      return {
        note(sql) {
          for (const each of found)
            for (const [token, former] of succeeded(each, placesIn(db, each.table), sql.startsWith('DELETE')))
              successions.set(token, { former, server });
        },
        commit() {
          for (const { index, unseen } of found) unseenByPlace.set(placeOf(index), unseen);
        },
      };
    },
    formerOf: (token) => successions.get(token),
  };
}

/** New rows by the rows whose places they took in one statement. */
function succeeded(watched: WatchedTable, after: Places, isDelete: boolean): Map<string, string> {
  const { places: before, unseen, isNoted } = watched;
  watched.places = after;
  const found = new Map<string, string>();
  const [stood, stands] = [new Set(before.values()), new Set(after.values())];
  for (const [number, birth] of after) {
    if (before.get(number) === birth) continue;
    const former = before.get(number) ?? unseen.get(number);
    // One that came from another number keeps its own life, and ends the one that stood here.
    if (former !== undefined && !stood.has(birth)) found.set(birth, former);
    unseen.delete(number);
  }
  for (const [number, birth] of before) {
    if (stands.has(birth) || after.has(number)) continue;
    if (isDelete && isNoted) unseen.delete(number);
    else unseen.set(number, birth);
  }
  return found;
}

function placesIn(db: DatabaseSyncInstance, { name, key, bornColumn }: ServerTable): Places {
  if (key.kind !== 'generated') return new Map();
  const sql = `SELECT CAST(${quoteName(key.column)} AS TEXT) AS number, ${quoteName(bornColumn)} AS birth FROM ${quoteName(name)}`;
  const rows = applicationStatement(db, sql).all() as { number: string; birth: unknown }[];
  return new Map(rows.map(({ number, birth }) => [number, String(birth)]));
}

const hasTriggers = (db: DatabaseSyncInstance, { name }: ServerTable): boolean =>
  applicationStatement(
    db,
    `SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND substr(name, 1, 7) = '_usync_'`,
  ).get(name) !== undefined;
