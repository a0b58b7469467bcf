/** Changesets come in parts, too early, twice, or not at all. */
import { joinVectors, type VersionVector } from '../../src/core/version-vector.js';
import { nothingMerged } from '../../src/databases/nothing-merged.js';
import type { PlantedBug } from './planted-bug.js';
import { afterMerge, anyDifference, onlyAtBad, spoil } from './planted-damage.js';

export const bugsOfDelivery: readonly PlantedBug[] = [
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
];
