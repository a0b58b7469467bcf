/** What applications wrote is not captured, or not before a merge. */
import type { PlantedBug } from './planted-bug.js';
import { anyDifference, onlyAtBad } from './planted-damage.js';

export const bugsOfCapture: readonly PlantedBug[] = [
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
];
