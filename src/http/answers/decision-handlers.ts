import { errorCodeOf, errorMessageOf, SyncError } from '../../core/sync-error.js';
import type { Engine } from '../../engine/engine.js';
import type { ConflictInfo, QuarantineInfo } from '../../engine/decisions.js';
import { nameOfCaller } from '../access/caller.js';
import type { ApiContext } from '../api-context.js';
import type { Conflict, decisionRoutes, HeldRow } from '../contract/decision-routes.js';
import type { RouteInput } from '../contract/route-table.js';
import type { ItemResult } from '../contract/shared-schemas.js';
import { isoTime } from '../iso-time.js';
import { pageOf, type Handlers } from './handler.js';
import { startUndoJob } from './job-plans.js';

const listedMax = 10_000;

export const decisionHandlers: Handlers<keyof typeof decisionRoutes> = {
  listConflicts: ({ query }, context, { patienceMs }) =>
    context.kept.answer(['conflicts', query], () => conflictsAnswer(context, query), patienceMs),
  getConflict: ({ params }, context, { patienceMs }) =>
    context.kept.answer(['conflict', params.id], () => oneConflict(context, params.id), patienceMs),
  async restoreConflict({ params }, context) {
    const { kind, conflict } = await context.engine.restoreConflict(params.id);
    return {
      message: kind === 'restored' ? 'What lost is back.' : `${conflict.lostBy} is asked to put it back.`,
      outcome: kind,
      conflict: conflictAnswer(context, conflict),
    };
  },
  async restoreConflicts({ body }, { engine }) {
    const results: ItemResult[] = [];
    for (const id of body.ids)
      results.push(
        await resultOf(id, async () => {
          const { kind, conflict } = await engine.restoreConflict(id);
          return kind === 'restored' ? 'It is back.' : `${conflict.lostBy} is asked to put it back.`;
        }),
      );
    return { message: countsText(results, 'restored or asked for'), results };
  },
  async dismissConflicts({ body }, { engine }) {
    const { ids = [], all = false, dataset } = body;
    const chosen = dataset === undefined ? {} : { dataset };
    if (all) {
      const { dismissed } = await engine.dismissConflicts({ all, ...chosen });
      return { message: `${dismissed} conflicts were dismissed.`, dismissed, results: [] };
    }
    if (ids.length === 0) throw new SyncError('USYNC-1907', 'Give "ids", or "all": true.', { facts: { field: 'ids' } });
    const results: ItemResult[] = [];
    for (const id of ids)
      results.push(
        await resultOf(id, async () => {
          await engine.dismissConflicts({ ids: [id], ...chosen });
          return 'It is dismissed.';
        }),
      );
    const dismissed = results.filter(({ ok }) => ok).length;
    return { message: countsText(results, 'dismissed'), dismissed, results };
  },
  listQuarantine: ({ query }, { kept, engine }, { patienceMs }) =>
    kept.answer(['quarantine', query], () => quarantineAnswer(engine, query), patienceMs),
  async retryQuarantine(_, { engine }) {
    const { held } = await engine.retryHeld();
    return { message: held === 0 ? 'Nothing is held any more.' : `${held} rows are still held.`, held };
  },
  async dropQuarantined({ params }, { engine }) {
    const dropped = heldAnswer(await engine.dropHeld(params.id));
    return { message: `Row ${dropped.key} of ${dropped.table} is deleted on every server.`, dropped };
  },
  previewUndo: ({ body }, context, { caller }) =>
    startUndoJob(context, {
      ...{ server: body.server, dataset: body.dataset, sinceMs: Date.parse(body.since), isDryRun: true },
      startedBy: nameOfCaller(caller),
    }),
  undo: ({ body }, context, { caller }) =>
    startUndoJob(context, {
      ...{ server: body.server, dataset: body.dataset, sinceMs: Date.parse(body.since), isDryRun: false },
      startedBy: nameOfCaller(caller),
    }),
};

async function oneConflict(context: ApiContext, id: string): Promise<Conflict> {
  const { conflicts } = await context.engine.conflicts({ max: 2, idStart: id, withDecided: true });
  const [only, second] = conflicts;
  if (only && !second) return conflictAnswer(context, only);
  throw new SyncError('USYNC-1800', `"${id}" is not the id of one conflict.`);
}

async function conflictsAnswer(context: ApiContext, query: RouteInput<'listConflicts'>['query']) {
  const { dataset, table, state } = query;
  const { conflicts, forgotten } = await context.engine.conflicts({
    max: listedMax,
    withDecided: state !== 'open',
    ...(dataset !== undefined && { dataset }),
  });
  const chosen = conflicts.filter(
    (each) =>
      (table === undefined || each.table === table) &&
      (state !== 'decided' || (each.decision !== null && each.decision.kind !== 'refused')),
  );
  const { items, pagination } = pageOf(chosen, query);
  return { conflicts: items.map((each) => conflictAnswer(context, each)), forgotten, pagination };
}

async function quarantineAnswer(engine: Engine, query: RouteInput<'listQuarantine'>['query']) {
  const { dataset } = query;
  const held = await engine.quarantine({ max: listedMax, ...(dataset !== undefined && { dataset }) });
  const { items, pagination } = pageOf(held, query);
  return { quarantine: items.map(heldAnswer), pagination };
}

async function resultOf(item: string, work: () => Promise<string>): Promise<ItemResult> {
  try {
    return { item, ok: true, message: await work(), code: null };
  } catch (error) {
    return { item, ok: false, message: errorMessageOf(error), code: errorCodeOf(error) };
  }
}

const countsText = (results: readonly ItemResult[], what: string): string =>
  `${results.filter(({ ok }) => ok).length} of ${results.length} were ${what}.`;

function conflictAnswer({ config }: ApiContext, conflict: ConflictInfo): Conflict {
  const { id, dataset, table, key, column, rule, kept, lost, rest, decision } = conflict;
  return {
    ...{ id, dataset, table, key, column, rule, kept, lost },
    kind: config.datasets.find(({ name }) => name === dataset)?.folder === undefined ? 'row' : 'file',
    rest: rest && rest.map((cell) => ({ ...cell })),
    lost_by: conflict.lostBy,
    kept_by: conflict.keptBy,
    at: isoTime(conflict.atMs),
    noticed_at: isoTime(conflict.noticedMs),
    can_restore: conflict.canRestore,
    decision: decision && { kind: decision.kind, by: decision.by, at: isoTime(decision.atMs), why: decision.why },
  };
}

const heldAnswer = ({ id, dataset, table, key, reason, freedBy, writtenBy, atMs, cells }: QuarantineInfo): HeldRow => ({
  ...{ id, dataset, table, key, reason },
  freed_by: freedBy,
  written_by: writtenBy,
  at: atMs === 0 ? null : isoTime(atMs),
  cells: cells.map((cell) => ({ ...cell })),
});
