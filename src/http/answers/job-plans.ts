import { sleep } from '../../system/sleep.js';
import type { ApiContext } from '../api-context.js';
import type { StartedJob } from '../contract/job-schemas.js';
import type { JoinResult } from '../contract/server-routes.js';
import type { Server } from '../contract/server-schemas.js';
import type { VerifyResult } from '../contract/data-routes.js';
import type { UndoResult } from '../contract/decision-routes.js';
import type { DatasetAudit, JoinReport, VerifyReport } from '../../engine/engine.js';
import type { WorkProgress } from '../../engine/work-progress.js';
import type { UndoReport } from '../../engine/decisions.js';
import { syncJobMs } from '../http-limits.js';
import { isoTime } from '../iso-time.js';
import type { JobTools } from '../jobs.js';
import { currentStatus } from './status-handlers.js';

export interface SyncPlan {
  readonly servers: readonly Server[];
  readonly startedBy: string;
  /** Also compares the content when the proof is there. */
  readonly isVerifying: boolean;
}

/** Captures, dials, and follows each server until the proof is there, it cannot be reached, or time is up. */
export function startSyncJob(context: ApiContext, { servers, startedBy, isVerifying }: SyncPlan): StartedJob {
  const names = servers.map(({ name }) => name).join(', ');
  const job = context.jobs.start({
    kind: 'sync',
    title: servers.length === 0 ? 'Sync with nobody' : `Sync with ${names}`,
    startedBy,
    unit: 'servers',
    work: async (tools) => {
      tools.progress({ total: servers.length, text: 'Capturing and connecting.' });
      await context.engine.wake();
      await followServers(context, servers, tools);
      if (!isVerifying || tools.signal.aborted) return null;
      tools.progress({ text: 'Comparing the content.' });
      return verifyResult(await context.engine.verify({ signal: tools.signal }), []);
    },
  });
  return { message: `Started: ${job.title}. Its result is at /api/sync/jobs/${job.id}.`, job };
}

const followEveryMs = 250;
/** A server that is not connected by then is told as unreachable: it is tried again for ever, job or not. */
const reachMs = 15_000;

async function followServers(context: ApiContext, servers: readonly Server[], tools: JobTools): Promise<void> {
  const { system } = context;
  const startMs = system.monotonicMs();
  const open = new Map(servers.map((server) => [server.id, server.name]));
  const end = (id: string, outcome: { readonly ok: boolean; readonly message: string }): void => {
    tools.result({ item: open.get(id) ?? id, code: outcome.ok ? null : 'USYNC-1501', ...outcome });
    open.delete(id);
    tools.progress({ done: servers.length - open.size, text: `${open.size} servers to go.` });
  };
  while (open.size > 0 && !tools.signal.aborted) {
    const now = new Map((await currentStatus(context)).servers.map((server) => [server.id, server]));
    const tookMs = system.monotonicMs() - startMs;
    for (const id of open.keys()) {
      const server = now.get(id);
      if (!server || server.state !== 'member') end(id, { ok: false, message: 'It is no member.' });
      else if (server.connection === 'paused') end(id, { ok: false, message: 'It is paused here.' });
      else if (server.is_healthy) end(id, { ok: true, message: 'The same data, proven.' });
      else if (tookMs > (server.connection === 'connected' ? syncJobMs : reachMs))
        end(id, { ok: false, message: server.reason ?? reasonOf(server) });
    }
    if (open.size > 0) await sleep(system, followEveryMs, tools.signal);
  }
}

const reasonOf = ({ datasets }: Server): string =>
  datasets.find(({ reason }) => reason !== null)?.reason ?? 'It is not proven equal yet.';

export function startJoinJob(
  context: ApiContext,
  given: {
    readonly code: string;
    readonly dry_run?: boolean | undefined;
    readonly choice?: 'same-rows' | 'distinct-rows' | undefined;
    readonly startedBy: string;
  },
): StartedJob {
  const { code, dry_run = false, choice, startedBy } = given;
  const job = context.jobs.start({
    kind: 'join',
    title: dry_run ? 'Look what joining would do' : 'Join a group',
    startedBy,
    unit: 'steps',
    work: async (tools) =>
      joinResult(
        await context.engine.join({
          code,
          isDryRun: dry_run,
          ...(choice !== undefined && { choice }),
          signal: tools.signal,
          onProgress: (progress) => tools.progress(progress),
        }),
      ),
  });
  return { message: `Started: ${job.title}.`, job };
}

const joinResult = ({ state, wasMember, invitedBy, datasets }: JoinReport): JoinResult => ({
  state,
  was_member: wasMember,
  invited_by: invitedBy,
  datasets: datasets.map(({ dataset, preview }) => ({
    dataset,
    preview: preview && {
      is_unclear: preview.isUnclear,
      tables: preview.tables.map(({ table, same, differing, apart, onlyHere, onlyThere }) => ({
        ...{ table, same, differing, apart },
        only_here: onlyHere,
        only_there: onlyThere,
      })),
    },
  })),
});

export function startVerifyJob(
  context: ApiContext,
  given: { readonly dataset?: string | undefined; readonly audit?: boolean | undefined; readonly startedBy: string },
): StartedJob {
  const { engine } = context;
  const { dataset, audit = false, startedBy } = given;
  const job = context.jobs.start({
    kind: 'verify',
    title: dataset === undefined ? 'Verify all data' : `Verify ${dataset}`,
    startedBy,
    unit: 'comparisons',
    work: async (tools) => {
      const request = {
        ...(dataset !== undefined && { dataset }),
        signal: tools.signal,
        onProgress: (progress: WorkProgress) => tools.progress(progress),
      };
      const report = await engine.verify(request);
      const audits = audit && !tools.signal.aborted ? await engine.audit(request) : [];
      return verifyResult({ ...report, atMs: context.system.nowMs() }, audits);
    },
  });
  return { message: `Started: ${job.title}.`, job };
}

const verifyResult = (
  { isEqual, atMs, tookMs, comparisons }: VerifyReport,
  audits: readonly DatasetAudit[],
): VerifyResult => ({
  is_equal: isEqual,
  at: isoTime(atMs),
  took_ms: tookMs,
  comparisons: comparisons.map(({ dataset, peer, result, rows, tables, reason, nextStep }) => ({
    ...{ dataset, server: peer, result, rows, reason },
    next_step: nextStep,
    tables: tables.map((table) => ({
      table: table.table,
      rows_here: table.rowsHere,
      rows_there: table.rowsThere,
      rows: table.rows.map((row) => ({ ...row })),
      is_complete: table.isComplete,
    })),
  })),
  audits: audits.map(({ dataset, atMs: auditedMs, rows, differing, tables }) => ({
    ...{ dataset, rows, differing },
    at: isoTime(auditedMs),
    tables: tables.map((table) => ({ ...table })),
  })),
});

export interface UndoPlan {
  readonly server: string;
  readonly sinceMs: number;
  readonly dataset?: string | undefined;
  readonly isDryRun: boolean;
  readonly startedBy: string;
}

export async function startUndoJob(context: ApiContext, plan: UndoPlan): Promise<StartedJob> {
  const { server, sinceMs, dataset, isDryRun, startedBy } = plan;
  const { servers } = await currentStatus(context);
  const name = servers.find(({ id }) => id === server)?.name ?? server;
  const what = `what ${name} wrote since ${timeText(sinceMs)}`;
  const job = context.jobs.start({
    kind: 'undo',
    title: isDryRun ? `Look at taking back ${what}` : `Take back ${what}`,
    startedBy,
    unit: 'bytes',
    work: async (tools) => {
      const request = { server, sinceMs, isDryRun, ...(dataset !== undefined && { dataset }) };
      tools.progress({ text: 'Reading the journal.' });
      const onDataset = (item: string, changes: number): void => {
        const verb = isDryRun ? 'would be' : changes === 1 ? 'was' : 'were';
        const message = `${changes} ${changes === 1 ? 'change' : 'changes'} ${verb} taken back.`;
        tools.result({ item, ok: true, code: null, message });
      };
      const onProgress = (progress: WorkProgress): void => tools.progress(progress);
      const report = await context.engine.undo(request, { signal: tools.signal, onDataset, onProgress });
      for (const item of report.notDone)
        tools.result({ item, ok: false, code: null, message: 'It was cancelled: nothing was taken back here.' });
      for (const item of report.leftOut)
        tools.result({
          ...{ item, ok: false, code: 'USYNC-1706' },
          message: 'It is a folder: its files are put back one by one, from its file history.',
        });
      return undoResult(report, isDryRun);
    },
  });
  return { message: `Started: ${job.title}.`, job };
}

/** `2026-11-30 14:01:24 UTC`. */
const timeText = (ms: number): string => `${isoTime(ms).slice(0, 19).replace('T', ' ')} UTC`;

const undoResult = ({ server, steps, notDone, leftOut }: UndoReport, isDryRun: boolean): UndoResult => ({
  server,
  is_dry_run: isDryRun,
  not_done: [...notDone],
  left_out: [...leftOut],
  steps: steps.map(({ dataset, kind, table, key, cells, skipped }) => ({
    ...{ dataset, kind, table, key, skipped },
    cells: cells.map((cell) => ({ ...cell })),
  })),
});
