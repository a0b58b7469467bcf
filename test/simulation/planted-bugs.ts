/**
 * Defects put between the real parts, to show that the oracle bites. Each wraps one server's replica or spoils its
 * database the way the defect would; `test/simulation/planted-bugs.test.ts` runs them all.
 */
import { nothingMerged } from '../../src/databases/nothing-merged.js';
import type { Replica } from '../../src/databases/replica.js';
import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import { joinVectors, type VersionVector } from '../../src/core/version-vector.js';
import type { ExtraName } from './extra-features.js';
import { keyColumnsOf, quoteName } from './table-design.js';
import { dumpTables, type TableDump } from './table-dump.js';
import { openApplication } from './simulated-sqlite.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  /** Promises of which one must be seen broken. */
  readonly caughtAs: readonly string[];
  readonly wrapReplica?: WrapReplica;
  /** What must happen for the bug to matter; the test adds such steps. */
  readonly needs?: 'pruning' | 'restore' | 'conflicts';
  /** Features that its runs must have. */
  readonly with?: ExtraName;
  /** What a person set is not followed, on any server. */
  readonly ignores?: keyof TableRules;
  readonly ignoresSpread?: boolean;
  /** Who hears of a removal goes on taking from the removed server. */
  readonly keepsDoorOpen?: boolean;
  /** After a restore the server goes on under its old epoch, and nobody minds the fork. */
  readonly reusesEpoch?: boolean;
}

type WrapReplica = (replica: Replica, at: BugPlace) => Replica;

export interface BugPlace {
  readonly world: World;
  readonly server: VirtualServer;
}

/** The server with the defect. */
const bad = 1;

/** SQL at the defective server that no trigger notes, as a merge would write it. */
function spoil({ server }: BugPlace, statements: readonly string[]): void {
  if (statements.length === 0) return;
  const { app } = server;
  try {
    app.exec('PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; UPDATE _usync_merging SET merging = 1');
    for (const sql of statements) app.exec(sql);
    app.exec('UPDATE _usync_merging SET merging = 0; COMMIT');
  } catch {
    if (app.isTransaction) app.exec('ROLLBACK');
  }
  app.exec('PRAGMA foreign_keys = ON');
}

interface Seen {
  readonly at: BugPlace;
  readonly before: readonly TableDump[];
  readonly after: readonly TableDump[];
}

/** Does something after each merge at the defective server, knowing the tables before and after it. */
const afterMerge =
  (work: (seen: Seen) => void): WrapReplica =>
  (replica, at) => {
    if (at.server.index !== bad) return replica;
    return {
      ...replica,
      merge: async (parts) => {
        const before = dumpTables(at.server.app);
        const outcome = await replica.merge(parts);
        if (outcome.merged > 0) work({ at, before, after: dumpTables(at.server.app) });
        return outcome;
      },
    };
  };

const onlyAtBad =
  (wrap: (replica: Replica, at: BugPlace) => Partial<Replica>): WrapReplica =>
  (replica, at) =>
    at.server.index === bad ? { ...replica, ...wrap(replica, at) } : replica;

/** Rows by key text, for the tables of the plan that have keys. */
function keyedRows(at: BugPlace, dumps: readonly TableDump[]): Map<string, KeyedRow> {
  const rows = new Map<string, KeyedRow>();
  for (const table of at.world.plan.tables) {
    const dump = dumps.find(({ name }) => name === table.name);
    if (!dump || table.key.kind === 'bag') continue;
    const keyAt = keyColumnsOf(table).map((name) => dump.columns.indexOf(name));
    for (const row of dump.rows) {
      const where = keyAt
        .map((column) => `${quoteName(dump.columns[column] ?? '')} = ${cellSql(row[column] ?? 'null')}`)
        .join(' AND ');
      rows.set(`${table.name}: ${where}`, {
        table: table.name,
        where,
        columns: dump.columns,
        row,
        bornAt: dump.columns.indexOf(table.bornColumn),
      });
    }
  }
  return rows;
}

interface KeyedRow {
  readonly table: string;
  readonly where: string;
  readonly columns: readonly string[];
  readonly row: readonly string[];
  readonly bornAt: number;
}

function cellSql(cell: string): string {
  const at = cell.indexOf(':');
  const content = cell.slice(at + 1);
  if (cell.startsWith('text:')) return `CAST(x'${Buffer.from(content, 'latin1').toString('hex')}' AS TEXT)`;
  if (cell.startsWith('blob:')) return `x'${Buffer.from(content, 'latin1').toString('hex')}'`;
  if (cell.startsWith('real:'))
    return content.includes('Infinity') ? content.replace('Infinity', '9e999') : `CAST('${content}' AS REAL)`;
  return at < 0 ? 'NULL' : content === '-9223372036854775808' ? '(-9223372036854775807 - 1)' : content;
}

const insertSql = ({ table, columns, row }: KeyedRow): string =>
  `INSERT OR IGNORE INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) VALUES (${row.map(cellSql).join(', ')})`;

function removedBy({ at, before, after }: Seen): KeyedRow[] {
  const left = keyedRows(at, after);
  return [...keyedRows(at, before)].filter(([key]) => !left.has(key)).map(([, row]) => row);
}

function addedBy({ at, before, after }: Seen): KeyedRow[] {
  const known = keyedRows(at, before);
  return [...keyedRows(at, after)].filter(([key]) => !known.has(key)).map(([, row]) => row);
}

const setSql = ({ table, where, columns, bornAt }: KeyedRow, valueSql: string): string =>
  `UPDATE ${quoteName(table)} SET ${quoteName(columns[bornAt] ?? '')} = ${valueSql} WHERE ${where}`;

/** Rewrites the cells of one kind in every table, unnoticed. */
const rewriteCells = (condition: (cell: string) => string, value: (cell: string) => string): WrapReplica =>
  afterMerge(({ at, after }) =>
    spoil(
      at,
      after.flatMap((dump) =>
        dump.columns.map(
          (column) =>
            `UPDATE ${quoteName(dump.name)} SET ${quoteName(column)} = ${value(quoteName(column))} WHERE ${condition(quoteName(column))}`,
        ),
      ),
    ),
  );

const anyDifference = [
  'TABLES',
  'AUDIT',
  'DIGEST',
  'LOST',
  'UNEQUAL',
  'ENDLESS',
  'ECHO',
  'RESURRECTED',
  'INVENTED',
  'VECTORS',
  'REPLAY',
  'ERROR',
];

export const plantedBugs: readonly PlantedBug[] = [
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
    name: 'merges-without-draining',
    what: 'what the application wrote and nobody captured yet is not looked at before a merge',
    caughtAs: anyDifference,
    wrapReplica: onlyAtBad((replica, { server }) => ({
      merge: async (parts) => {
        const { app } = server;
        app.exec(
          'CREATE TEMP TABLE hidden_notes AS SELECT * FROM _usync_notes; UPDATE _usync_notes SET tbl = -1; UPDATE hidden_notes SET seq = NULL',
        );
        const outcome = await replica.merge(parts);
        app.exec('INSERT INTO _usync_notes SELECT * FROM hidden_notes WHERE tbl >= 0; DROP TABLE hidden_notes');
        return outcome;
      },
    })),
  },
  {
    name: 'forgets-notes',
    what: 'notes of the triggers vanish before they are drained',
    caughtAs: anyDifference,
    wrapReplica: onlyAtBad((replica, { server }) => ({
      drain: () => {
        server.app.exec('UPDATE _usync_notes SET tbl = -1');
        return replica.drain();
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
    name: 'splits-a-changeset',
    what: 'a part of a changeset is shown before the rest',
    caughtAs: ['WHOLE'],
    wrapReplica: afterMerge(({ at }) => spoil(at, [`DELETE FROM log_b WHERE rowid = (SELECT max(rowid) FROM log_b)`])),
  },
  {
    name: 'shows-effects-before-causes',
    what: 'a row is shown before one that its writer had seen',
    caughtAs: ['CAUSAL', 'WHOLE'],
    wrapReplica: afterMerge(({ at }) =>
      spoil(at, [
        'CREATE TEMP TABLE early AS SELECT seen AS id FROM log_a WHERE seen IS NOT NULL ORDER BY rowid DESC LIMIT 1',
        'DELETE FROM log_a WHERE id IN (SELECT id FROM early)',
        'DELETE FROM log_b WHERE id IN (SELECT id FROM early)',
        'DROP TABLE early',
      ]),
    ),
  },
  {
    name: 'acknowledges-what-it-has-not',
    what: 'a server tells a vector beyond what it merged',
    caughtAs: anyDifference,
    wrapReplica: onlyAtBad((replica) => {
      let claimed: VersionVector = new Map();
      let count = 0;
      return {
        position: async () => {
          const position = await replica.position();
          return { ...position, vector: joinVectors(position.vector, claimed) };
        },
        merge: async (parts) => {
          if (++count % 3 !== 0) return replica.merge(parts);
          const { vector } = await replica.position();
          const offered = new Map(
            parts
              .filter(({ isLast }) => isLast)
              .map(({ origin, stamp }) => [
                origin,
                { stamp, chain: vector.get(origin)?.chain ?? ('0'.repeat(16) as never) },
              ]),
          );
          claimed = joinVectors(claimed, offered);
          return {
            vector: claimed,
            ...nothingMerged,
            merged: offered.size,
          };
        },
      };
    }),
  },
  {
    name: 'reverses-changesets',
    what: 'a sender gives its journal backwards, and with what was there before',
    caughtAs: ['UNEQUAL', 'ENDLESS', 'VECTORS', 'ERROR'],
    wrapReplica: onlyAtBad((replica) => ({
      readJournal: async (request) => {
        const read = await replica.readJournal(request);
        return { ...read, parts: read.parts.slice(1) };
      },
    })),
  },
  {
    name: 'forgets-the-gap-marker',
    needs: 'pruning',
    what: 'after a snapshot the journal is streamed as if nothing were missing in it',
    caughtAs: ['UNEQUAL', 'ENDLESS', 'VECTORS', 'ERROR', 'CAUSAL', 'TABLES', 'DIGEST'],
    wrapReplica: (replica, { server }) => ({
      ...replica,
      readJournal: async (request) => {
        const { app } = server;
        app.exec('DELETE FROM _usync_journal WHERE gap IS NOT NULL');
        const read = await replica.readJournal(request);
        return { ...read, needsSnapshot: false };
      },
    }),
  },
  {
    name: 'reuses-the-epoch',
    what: 'a server that went back in time goes on under its old name, and forks are not looked for',
    caughtAs: anyDifference,
    needs: 'restore',
    reusesEpoch: true,
    wrapReplica: (replica) => ({
      ...replica,
      readJournal: async (request) => ({ ...(await replica.readJournal(request)), forks: [] }),
      merge: async (parts) => ({ ...(await replica.merge(parts)), forks: [] }),
    }),
  },
  {
    name: 'merges-twice',
    what: 'what was merged before is merged again when it comes again',
    caughtAs: ['REPLAY', ...anyDifference],
    wrapReplica: onlyAtBad((replica, at) => ({
      merge: async (parts) => {
        const outcome = await replica.merge(parts);
        if (outcome.covered === 0) return outcome;
        at.server.app.exec(
          `INSERT OR IGNORE INTO log_a VALUES ('again', NULL); INSERT OR IGNORE INTO log_b VALUES ('again', NULL)`,
        );
        await replica.drain();
        return outcome;
      },
    })),
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
    name: 'loses-a-captured-changeset',
    what: 'a captured changeset is not in the journal',
    caughtAs: anyDifference,
    wrapReplica: onlyAtBad((replica, { server }) => {
      let count = 0;
      return {
        drain: async () => {
          const outcome = await replica.drain();
          if (outcome.changesets > 0 && ++count === 2)
            server.app.exec('DELETE FROM _usync_journal WHERE position = (SELECT max(position) FROM _usync_journal)');
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
  {
    name: 'counts-like-any-value',
    what: 'columns with a rule of their own are merged as all others',
    caughtAs: ['RULE'],
    with: 'rules',
    ignores: 'columns',
  },
  {
    name: 'mixes-rows',
    what: 'where whole rows should win, single columns do',
    caughtAs: ['MIXED'],
    with: 'rules',
    needs: 'conflicts',
    ignores: 'granularity',
  },
  {
    name: 'leaves-declared-numbers',
    what: 'columns that a person declared as references do not follow their rows',
    caughtAs: ['MISLED'],
    with: 'declared',
    needs: 'conflicts',
    ignores: 'references',
  },
  ...(['circles', 'keyReferences'] as const).map((name): PlantedBug => ({
    name: `loses-references-of-${name}`,
    what: 'a merge forgets what rows refer to',
    caughtAs: anyDifference,
    with: name,
    needs: 'conflicts',
    wrapReplica: afterMerge(({ at, after }) =>
      spoil(
        at,
        after.flatMap(({ name: table, columns }) =>
          columns
            .filter((column) => /^(?:circle|of)\d+$/.test(column))
            .map((column) => `UPDATE ${quoteName(table)} SET ${quoteName(column)} = NULL`),
        ),
      ),
    ),
  })),
  {
    name: 'shares-what-stays-at-home',
    what: 'columns that one server leaves out are sent all the same',
    caughtAs: ['INVENTED', 'TABLES', 'DIGEST'],
    with: 'leftOut',
    needs: 'conflicts',
    ignores: 'columns',
  },
  {
    name: 'merges-what-should-stay-two',
    what: 'rows that clash become one whatever the policy says',
    caughtAs: ['POLICY'],
    with: 'indexes',
    needs: 'conflicts',
    ignores: 'unique',
  },
  {
    name: 'shows-what-breaks-a-condition',
    what: 'a merge writes a row that the schema refuses',
    caughtAs: ['INTEGRITY', ...anyDifference],
    with: 'checks',
    wrapReplica: afterMerge(({ at }) =>
      spoil(at, [
        'PRAGMA ignore_check_constraints = ON',
        ...at.world.plan.tables.flatMap(({ name, checks, columns: [first, ...rest] }) =>
          checks && first
            ? [
                `UPDATE ${quoteName(name)} SET ${[first, ...rest]
                  .map((column, i) => `${quoteName(column.name)} = ${i % 2 === 0 ? "x'00'" : '7'}`)
                  .join(', ')} WHERE rowid = 1`,
              ]
            : [],
        ),
        'PRAGMA ignore_check_constraints = OFF',
      ]),
    ),
  },
  {
    name: 'forgets-renamed-columns',
    what: 'a column that was renamed is taken for a new one',
    caughtAs: anyDifference,
    with: 'migrations',
    wrapReplica: onlyAtBad((replica, at) => ({
      drain: async () => {
        const outcome = await replica.drain();
        if (outcome.schemaChanged)
          spoil(
            at,
            dumpTables(at.server.app).flatMap(({ name, columns }) =>
              columns
                .filter((column) => /^renamed\d+$/.test(column))
                .map((column) => `UPDATE ${quoteName(name)} SET ${quoteName(column)} = NULL`),
            ),
          );
        return outcome;
      },
    })),
  },
  {
    name: 'lets-a-removed-server-in',
    what: 'who hears of a removal goes on taking from the removed server',
    caughtAs: ['DOOR'],
    with: 'removals',
    keepsDoorOpen: true,
  },
  {
    name: 'spreads-no-schema',
    what: 'what was made on one server is made nowhere else',
    caughtAs: ['TABLES'],
    with: 'propagation',
    ignoresSpread: true,
  },
];
