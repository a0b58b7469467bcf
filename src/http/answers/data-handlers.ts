import { SyncError } from '../../core/sync-error.js';
import { nameOfCaller } from '../access/caller.js';
import type { ApiContext } from '../api-context.js';
import type { dataRoutes } from '../contract/data-routes.js';
import type { Dataset } from '../contract/status-schemas.js';
import type { Handlers } from './handler.js';
import { startVerifyJob } from './job-plans.js';
import { currentStatus } from './status-handlers.js';

export const dataHandlers: Handlers<keyof typeof dataRoutes> = {
  async listDatasets(_, context) {
    const { datasets } = await currentStatus(context);
    return { datasets, count: datasets.length };
  },
  async listTables({ params }, context, { patienceMs }) {
    const { servers } = await currentStatus(context);
    const dataset = await theDataset(context, params.dataset);
    const { tables, digests, unansweredMs } = await context.engine.tables(dataset.name, { patienceMs });
    const rules = context.config.datasets.find(({ name }) => name === dataset.name)?.tables ?? {};
    return {
      dataset,
      tables: tables.map(({ name, isSynced, remark, keyKind, rows, held }) => {
        const digest = digests.get(name);
        return {
          ...{ name, remark, rows, held },
          is_synced: isSynced,
          key_kind: keyKind,
          digest: digest === undefined ? null : digest.sum.toString(16).padStart(12, '0'),
          rule: rules[name]?.unique ?? 'default',
        };
      }),
      proofs: servers
        .filter(({ is_self, state }) => !is_self && state === 'member')
        .map(({ name, datasets }) => {
          const found = datasets.find((each) => each.dataset === dataset.name);
          return {
            server: name,
            state: found?.state ?? 'not-carried',
            proven_at: found?.proven_at ?? null,
            reason: found?.reason ?? null,
          };
        }),
      age_ms: Math.round(unansweredMs),
    };
  },
  verify: ({ body }, context, { caller }) => startVerifyJob(context, { ...body, startedBy: nameOfCaller(caller) }),
};

async function theDataset(context: ApiContext, name: string): Promise<Dataset> {
  const { datasets } = await currentStatus(context);
  const found = datasets.find((each) => each.name === name);
  if (found) return found;
  throw new SyncError('USYNC-1908', `There is no dataset "${name}" here.`, {
    nextStep: `Known are: ${datasets.map((each) => each.name).join(', ')}.`,
  });
}
