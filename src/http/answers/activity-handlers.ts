import { SyncError } from '../../core/sync-error.js';
import type { NamedChange } from '../../engine/page-calls.js';
import type { ApiContext } from '../api-context.js';
import type { ActivityEntry, Change } from '../contract/activity-schemas.js';
import type { activityRoutes, ChangesAnswer } from '../contract/activity-routes.js';
import type { RouteInput } from '../contract/route-table.js';
import { isoTime, msOfIsoTime } from '../iso-time.js';
import { pageOf, type Handlers } from './handler.js';
import { liveResponse } from './live-response.js';
import { currentStatus } from './status-handlers.js';

export const activityHandlers: Handlers<keyof typeof activityRoutes> = {
  listLogs({ query }, { live }) {
    const { items, pagination } = pageOf(
      live.entries().filter((entry) => isAskedFor(entry, query)),
      query,
    );
    return { logs: items, pagination };
  },
  listChanges: ({ query }, context) => changesAnswer(context, query, false),
  listDatabaseChanges: ({ query }, context) => changesAnswer(context, query, true),
  async getHistory({ query }, { engine }) {
    const { dataset, table, key, limit } = query;
    const history = await engine.rowHistory({
      table,
      key: typeof key === 'string' ? [key] : key,
      max: limit,
      ...(dataset !== undefined && { dataset }),
    });
    return {
      dataset: history.dataset,
      table: history.table,
      is_shown: history.isShown,
      is_whole: history.isWhole,
      versions: history.versions.map(({ kind, by, atMs, mergedMs, cells }) => ({
        ...{ kind, by },
        at: isoTime(atMs),
        merged_at: isoTime(mergedMs),
        cells: cells.map((cell) => ({ ...cell })),
      })),
    };
  },
  events: (_, context, call) => liveResponse(context, call),
};

const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const;

function isAskedFor(entry: ActivityEntry, query: RouteInput<'listLogs'>['query']): boolean {
  const { server_id, dataset, level = 'debug', sync_type } = query;
  if (server_id !== undefined && entry.server_id !== server_id && entry.server_name !== server_id) return false;
  if (dataset !== undefined && entry.dataset !== dataset) return false;
  if (sync_type !== undefined && entry.sync_type !== sync_type) return false;
  return ranks[entry.level] >= ranks[level];
}

type ChangesInput = RouteInput<'listDatabaseChanges'>['query'];

/** Dataset by dataset: the cursor names the dataset that goes on. */
async function changesAnswer(context: ApiContext, query: ChangesInput, isDatabase: boolean): Promise<ChangesAnswer> {
  const { engine, config, system } = context;
  const sinceMs = query.since === undefined ? undefined : msOfIsoTime(query.since);
  if (sinceMs === null)
    throw new SyncError('USYNC-1907', `"${query.since ?? ''}" is no time.`, { facts: { field: 'since' } });
  const names = config.datasets
    .filter(({ sqlite }) => !isDatabase || sqlite !== undefined)
    .map(({ name }) => name)
    .filter((name) => query.dataset === undefined || name === query.dataset);
  if (query.dataset !== undefined && names.length === 0)
    throw new SyncError('USYNC-1103', `There is no dataset "${query.dataset}" here.`);
  const start = cursorOf(query.before);
  const changes: Change[] = [];
  let next: string | null = null;
  let isWhole = true;
  for (const dataset of names.slice(Math.max(0, names.indexOf(start?.dataset ?? '')))) {
    if (changes.length >= query.limit) {
      next ??= `${dataset}:`;
      break;
    }
    const kind = query.operation === 'delete' ? 'end' : query.operation;
    const report = await engine.changes({
      dataset,
      max: query.limit - changes.length,
      ...(start?.dataset === dataset && start.before !== '' && { before: start.before }),
      ...(sinceMs !== undefined && { sinceMs }),
      ...(query.table !== undefined && { table: query.table }),
      ...(query.server_id !== undefined && { server: query.server_id }),
      ...(kind !== undefined && { kind }),
    });
    changes.push(...report.changes.map(changeAnswer));
    isWhole &&= report.isWhole;
    if (report.next !== null) {
      next = `${dataset}:${report.next}`;
      break;
    }
  }
  const { server } = await currentStatus(context);
  return {
    changes,
    count: changes.length,
    timestamp: isoTime(system.nowMs()),
    server_id: server.id,
    next,
    is_whole: isWhole,
  };
}

function cursorOf(text: string | undefined): { readonly dataset: string; readonly before: string } | null {
  const at = text?.lastIndexOf(':') ?? -1;
  return text === undefined || at < 0 ? null : { dataset: text.slice(0, at), before: text.slice(at + 1) };
}

const operations = { insert: 'insert', update: 'update', end: 'delete', merge: 'merge' } as const;

function changeAnswer(change: NamedChange): Change {
  const { id, kind, table, key, dataset, serverId, by, stamp, atMs, mergedMs, cells } = change;
  const known = cells.filter(({ from }) => from !== null);
  return {
    id: `${dataset}:${id}`,
    table,
    record_id: key.length > 0 ? key.join(',') : recordIdOf(change),
    operation: operations[kind],
    data: kind === 'end' ? null : Object.fromEntries(cells.map(({ column, value }) => [column, value])),
    old_data:
      known.length === 0 ? null : Object.fromEntries(known.map(({ column, valueBefore }) => [column, valueBefore])),
    timestamp: isoTime(atMs),
    created_by_server: serverId,
    dataset,
    changeset: `${serverId}-${stamp}`,
    key: [...key],
    server_name: by,
    merged_at: isoTime(mergedMs),
    cells: cells.map(({ column, from, to }) => ({ column, from, to: kind === 'end' ? 'NULL' : to })),
  };
}

/** A new row's key is among its cells; without the schema, `id` or the first column is it. */
function recordIdOf({ cells }: NamedChange): string {
  const cell = cells.find(({ column }) => column.toLowerCase() === 'id') ?? cells[0];
  const value = cell?.value ?? '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
