import { serverIdOfOrigin, type ServerId } from '../core/origin.js';
import type { EngineGround } from './engine-parts.js';
import type { ChangesQuery, ChangesReport } from './page-calls.js';
import { findServer, nameOfServer } from './servers.js';
import { theRunner } from './the-runner.js';

/** A page of what happened in one dataset, with the names of the servers that wrote. */
export async function changesOf(
  ground: EngineGround,
  { dataset, server, ...request }: ChangesQuery,
): Promise<ChangesReport> {
  const id = server === undefined ? undefined : findServer(ground, server).id;
  const { changes, ...rest } = await theRunner(ground, dataset).replica.recentChanges({
    ...request,
    ...(id !== undefined && { server: id }),
  });
  return {
    ...rest,
    changes: changes.map(({ origin, ...change }) => {
      const serverId = serverIdOfOrigin(origin) satisfies ServerId;
      return { ...change, dataset, serverId, by: nameOfServer(ground, serverId) };
    }),
  };
}
