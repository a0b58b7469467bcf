import { SyncError } from '../../core/sync-error.js';
import type { Engine } from '../../engine/engine.js';
import type { NamedChange } from '../../engine/page-calls.js';
import type { ApiContext } from '../api-context.js';
import type { ActivityEntry, Change, RowHistory } from '../contract/activity-schemas.js';
import type { activityRoutes, ChangesAnswer } from '../contract/activity-routes.js';
import type { RouteInput } from '../contract/route-table.js';
import { isoTime } from '../iso-time.js';
import type { Aged } from '../kept-answers.js';
import { pageOf, type Handlers } from './handler.js';
import { liveResponse } from './live-response.js';
import { sinceOf } from './since-of.js';

export const activityHandlers: Handlers<keyof typeof activityRoutes> = {
  listLogs({ query }, { live }) {
    const { items, pagination } = pageOf(
      live.entries().filter((entry) => isAskedFor(entry, query)),
      query,
    );
    return { logs: items, pagination };
  },
  listChanges: ({ query }, context, { patienceMs }) =>
    context.kept.answer(['changes', query], () => changesAnswer(context, query, false), patienceMs),
  listDatabaseChanges: ({ query }, context, { patienceMs }) =>
    context.kept.answer(['database changes', query], () => changesAnswer(context, query, true), patienceMs),
  getHistory: ({ query }, { kept, engine }, { patienceMs }) =>
    kept.answer(['history', query], () => historyAnswer(engine, query), patienceMs),
  events: (_, context, call) => liveResponse(context, call),
};

async function historyAnswer(
  engine: Engine,
  { dataset, table, key, limit }: RouteInput<'getHistory'>['query'],
): Promise<RowHistory> {
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
}

const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const;

function isAskedFor(entry: ActivityEntry, query: RouteInput<'listLogs'>['query']): boolean {
  const { server_id, dataset, level = 'debug', sync_type } = query;
  if (server_id !== undefined && entry.server_id !== server_id && entry.server_name !== server_id) return false;
  if (dataset !== undefined && entry.dataset !== dataset) return false;
  if (sync_type !== undefined && entry.sync_type !== sync_type) return false;
  return ranks[entry.level] >= ranks[level];
}

type ChangesInput = RouteInput<'listDatabaseChanges'>['query'];

/** Each dataset gives its share, so that a busy one hides no other; the cursor names those that go on. */
async function changesAnswer(
  context: ApiContext,
  query: ChangesInput,
  isDatabase: boolean,
): Promise<Omit<ChangesAnswer, keyof Aged>> {
  const { engine, config, system, serverId } = context;
  const sinceMs = sinceOf(query.since);
  const names = config.datasets
    .filter(({ sqlite }) => !isDatabase || sqlite !== undefined)
    .map(({ name }) => name)
    .filter((name) => query.dataset === undefined || name === query.dataset);
  if (query.dataset !== undefined && names.length === 0)
    throw new SyncError('USYNC-1103', `There is no dataset "${query.dataset}" here.`);
  const placeByName = placesOf(query.before, names);
  const kind = query.operation === 'delete' ? 'end' : query.operation;
  const found: NamedChange[] = [];
  const next: string[] = [];
  let isWhole = true;
  for (const [dataset, before] of placeByName) {
    const report = await engine.changes({
      dataset,
      max: Math.max(1, Math.floor(query.limit / placeByName.size)),
      ...(before !== '' && { before }),
      ...(sinceMs !== undefined && { sinceMs }),
      ...(query.table !== undefined && { table: query.table }),
      ...(query.server_id !== undefined && { server: query.server_id }),
      ...(kind !== undefined && { kind }),
    });
    found.push(...report.changes);
    isWhole &&= report.isWhole;
    if (report.next !== null) next.push(`${dataset}:${report.next}`);
  }
  const changes = found.toSorted((a, b) => b.mergedMs - a.mergedMs).map(changeAnswer);
  return {
    changes,
    count: changes.length,
    timestamp: isoTime(system.nowMs()),
    server_id: serverId,
    next: next.length === 0 ? null : next.join(','),
    is_whole: isWhole,
  };
}

/** Where each dataset goes on; without a cursor all of them from their newest. */
function placesOf(cursor: string | undefined, names: readonly string[]): ReadonlyMap<string, string> {
  if (cursor === undefined) return new Map(names.map((name) => [name, '']));
  const places = new Map(
    cursor.split(',').map((part) => [part.split(':')[0] ?? '', part.split(':')[1] ?? ''] as const),
  );
  return new Map(names.flatMap((name) => (places.has(name) ? [[name, places.get(name) ?? '']] : [])));
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
