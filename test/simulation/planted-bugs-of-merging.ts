/** Merges that write wrongly: rows, values, and what is told of them. */
import type { PlantedBug } from './planted-bug.js';
import {
  addedBy,
  afterMerge,
  anyDifference,
  insertSql,
  keyedRows,
  onlyAtBad,
  removedBy,
  rewriteCells,
  setSql,
  spoil,
} from './planted-damage.js';
import { openApplication } from './simulated-sqlite.js';
import { quoteName } from './table-design.js';

export const bugsOfMerging: readonly PlantedBug[] = [
  {
    name: 'loses-an-end',
    what: 'rows that a merge deleted stand again, uncaptured',
    caughtAs: ['TABLES', 'AUDIT', 'DIGEST', 'RESURRECTED', 'ECHO', 'UNEQUAL'],
    wrapReplica: afterMerge((seen) => spoil(seen.at, removedBy(seen).map(insertSql))),
  },
  {
    name: 'loses-a-row',
    what: 'one row that a merge inserted is gone again',
    caughtAs: anyDifference,
    wrapReplica: afterMerge((seen) =>
      spoil(
        seen.at,
        addedBy(seen)
          .slice(0, 1)
          .map(({ table, where }) => `DELETE FROM ${quoteName(table)} WHERE ${where}`),
      ),
    ),
  },
  {
    name: 'corrupts-a-value',
    what: 'a letter of a merged text is another one',
    caughtAs: anyDifference,
    wrapReplica: afterMerge((seen) =>
      spoil(
        seen.at,
        addedBy(seen)
          .slice(0, 1)
          .map((row) => setSql(row, `replace(${quoteName(row.columns[row.bornAt] ?? '')}, 'w', 'v')`)),
      ),
    ),
  },
  {
    name: 'own-value-always-wins',
    what: 'cells that a merge changed are put back: stamps compared wrongly',
    caughtAs: anyDifference,
    wrapReplica: afterMerge((seen) => {
      const now = keyedRows(seen.at, seen.after);
      spoil(
        seen.at,
        [...keyedRows(seen.at, seen.before)].flatMap(([key, row]) =>
          now.has(key) && now.get(key)?.row.join('\t') !== row.row.join('\t')
            ? [`DELETE FROM ${quoteName(row.table)} WHERE ${row.where}`, insertSql(row)]
            : [],
        ),
      );
    }),
  },
  {
    name: 'resurrects',
    what: 'rows that a merge deleted are inserted again as if the application had done it',
    caughtAs: ['RESURRECTED', 'UNEQUAL', 'ENDLESS', 'ECHO'],
    wrapReplica: afterMerge((seen) => {
      for (const row of removedBy(seen)) seen.at.server.app.exec(insertSql(row));
    }),
  },
  {
    name: 'echoes',
    what: 'each merge is answered with a change of its own: the flag is forgotten',
    caughtAs: ['UNEQUAL', 'ENDLESS', 'ECHO', 'INVENTED'],
    wrapReplica: onlyAtBad((replica, { server, world }) => ({
      merge: async (parts) => {
        const outcome = await replica.merge(parts);
        if (outcome.merged > 0)
          server.app.exec(
            `INSERT OR IGNORE INTO log_a VALUES ('echo', NULL); REPLACE INTO log_b VALUES ('echo', '${server.index}.${world.time.nowMs()}')`,
          );
        return outcome;
      },
    })),
  },
  {
    name: 'wrong-digest',
    what: 'the kept digest has drifted',
    caughtAs: ['DIGEST'],
    wrapReplica: onlyAtBad((replica) => ({
      proof: async () => {
        const proof = await replica.proof();
        return {
          ...proof,
          digest: new Map(
            [...proof.digest].map(([table, digest]) => [table, { ...digest, sum: (digest.sum + 1) % 2 ** 48 }]),
          ),
        };
      },
    })),
  },
  {
    name: 'silent-conflicts',
    what: 'what lost a conflict is written nowhere',
    caughtAs: ['LOST'],
    wrapReplica: (replica) => ({ ...replica, conflicts: () => Promise.resolve([]) }),
  },
  {
    name: 'blocks-the-application',
    what: 'a merge keeps the write lock',
    caughtAs: ['BLOCKED', 'ERROR', 'UNEQUAL'],
    wrapReplica: onlyAtBad((replica, { server }) => {
      let holder: ReturnType<typeof openApplication> | null = null;
      return {
        merge: async (parts) => {
          const outcome = await replica.merge(parts);
          if (outcome.merged > 0 && !holder) {
            holder = openApplication(server.path, () => server.clock.nowMs());
            holder.exec('BEGIN IMMEDIATE');
          }
          return outcome;
        },
      };
    }),
  },
  {
    name: 'whole-reals-become-integers',
    what: '1.0 arrives as 1',
    caughtAs: anyDifference,
    wrapReplica: rewriteCells(
      (cell) => `typeof(${cell}) = 'real' AND ${cell} = CAST(CAST(${cell} AS INTEGER) AS REAL)`,
      (cell) => `CAST(${cell} AS INTEGER)`,
    ),
  },
  {
    name: 'cuts-text-at-nul',
    what: 'text ends at its first NUL',
    caughtAs: anyDifference,
    wrapReplica: rewriteCells(
      (cell) => `typeof(${cell}) = 'text' AND instr(CAST(${cell} AS BLOB), x'00') > 0`,
      (cell) => `CAST(substr(CAST(${cell} AS BLOB), 1, instr(CAST(${cell} AS BLOB), x'00') - 1) AS TEXT)`,
    ),
  },
];
