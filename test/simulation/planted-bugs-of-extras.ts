/** What extra features promise is not kept: each of these needs runs that have the feature. */
import type { PlantedBug } from './planted-bug.js';
import { afterMerge, anyDifference, onlyAtBad, spoil } from './planted-damage.js';
import { quoteName } from './table-design.js';
import { dumpTables } from './table-dump.js';

export const bugsOfExtras: readonly PlantedBug[] = [
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
