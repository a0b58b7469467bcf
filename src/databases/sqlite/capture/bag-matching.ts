import { quoteName } from '../connection/identifiers.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { createRowComparison } from './row-comparison.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import type { SyncedTable } from '../schema/synced-table.js';

const pageRows = 2000;

/**
 * Rows of a bag are known by their rowid, and VACUUM gives rows new ones. Finds each shadow's row again by its content;
 * what stays without a partner is for the comparison to tell. Costs a reading of the table; writes only what moved.
 */
export async function matchBag(context: ReplicaContext, table: SyncedTable): Promise<void> {
  await whenFree(context.system, () => inTransaction(context, () => moveShadows(context, table)));
}

function moveShadows({ connection }: ReplicaContext, table: SyncedTable): void {
  const [rowid = 'rowid'] = table.keySql;
  const values = table.layout.map((column) => `r.${quoteName(column)}`).join(', ');
  const page = connection.prepare(
    `SELECT r.${rowid}, s.h, ${values} FROM ${table.sql} r LEFT JOIN ${table.shadowSql} s ON s.k1 = r.${rowid}
     WHERE r.${rowid} > ? ORDER BY r.${rowid} LIMIT ${pageRows}`,
  );
  const hashing = createRowComparison(table);
  const strangers = new Map<number, bigint[]>();
  connection.exec('CREATE TEMP TABLE IF NOT EXISTS _usync_matched (k1 INTEGER PRIMARY KEY)');
  connection.exec('DELETE FROM temp._usync_matched');
  const match = connection.prepare('INSERT INTO temp._usync_matched VALUES (?)');
  let position = -(2n ** 63n);
  for (;;) {
    const rows = page.allExact(position);
    for (const [at, remembered, ...content] of rows) {
      if (typeof at !== 'bigint') continue;
      position = at;
      const hash = hashing.hash(content);
      if (remembered === BigInt(hash)) match.run(at);
      else strangers.set(hash, [...(strangers.get(hash) ?? []), at]);
    }
    if (rows.length < pageRows) break;
  }
  const lost = connection
    .prepare(`SELECT k1, h FROM ${table.shadowSql} WHERE k1 NOT IN (SELECT k1 FROM temp._usync_matched) ORDER BY k1`)
    .all();
  const moves = lost.flatMap(([from, hash]) => {
    const to = strangers.get(Number(hash))?.shift();
    return to === undefined || typeof from !== 'bigint' ? [] : [{ from, to }];
  });
  // Through numbers that no row has, for the places may be taken by each other.
  const lowest = connection.prepare(`SELECT min(k1) FROM ${table.shadowSql}`).get()?.[0];
  let free = (typeof lowest === 'bigint' && lowest < 0n ? lowest : 0n) - 1n;
  const move = connection.prepare(`UPDATE ${table.shadowSql} SET k1 = ?2 WHERE k1 = ?1`);
  const parked = moves.map(({ from, to }) => {
    const at = free--;
    move.run(from, at);
    return { at, to };
  });
  // A place that another lost shadow still holds: it is parked as well, to be ended where nothing stands.
  for (const { at, to } of parked) {
    if (move.run(to, free).changes > 0) free--;
    move.run(at, to);
  }
}
