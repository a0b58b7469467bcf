import { serverIdOfOrigin, type OriginId, type ServerId } from '../core/origin.js';
import { errorMessageOf, SyncError } from '../core/sync-error.js';
import type { ConflictRecord, QuarantineRecord } from '../databases/replica.js';
import type { ListedDecision } from '../databases/server-list.js';
import { changesOf } from './changes-of.js';
import type { DatasetRunner } from './dataset-runner.js';
import { tellWork } from './dataset-work.js';
import {
  isOpen,
  type ConflictInfo,
  type DecisionCalls,
  type DecisionInfo,
  type DecisionKind,
  type QuarantineInfo,
  type UndoQuery,
  type UndoReport,
  type UndoTools,
} from './decisions.js';
import { conflictsListedMax, decisionsPollMs } from './engine-limits.js';
import type { EngineGround } from './engine-parts.js';
import { folderOf } from './folder-of.js';
import { decisionKey } from './group.js';
import { pathHistory } from './path-history.js';
import { chosenRunners } from './proofs.js';
import { findServer, nameOfServer } from './servers.js';
import { createWakeup } from './wakeup.js';

/** The calls of people on a running engine. Decisions travel with the list of servers, so all servers know them. */
export function createDecisionCalls(ground: () => EngineGround): DecisionCalls {
  return {
    conflicts: async ({ dataset, max, idStart, withDecided = false }) => {
      const [conflicts, forgotten]: [ConflictInfo[], number[]] = [[], []];
      for (const runner of chosenRunners(ground(), dataset)) {
        const records = await runner.replica.conflicts({
          max: conflictsListedMax,
          ...(idStart !== undefined && { idStart }),
        });
        conflicts.push(...records.map((record) => conflictInfo(ground(), runner.name, record)));
        forgotten.push(await runner.replica.conflictsForgotten());
      }
      const listed = conflicts.filter(({ decision }) => withDecided || isOpen(decision?.kind));
      return {
        conflicts: listed.toSorted((a, b) => b.noticedMs - a.noticedMs).slice(0, max),
        more: Math.max(0, listed.length - max),
        forgotten: forgotten.reduce((sum, count) => sum + count, 0),
      };
    },
    restoreConflict: async (id) => {
      const { runner, record } = await theConflict(ground(), id);
      const outcome = await runner.replica.restoreConflict(record.id);
      const kind = outcome.kind === 'restored' ? 'restored' : 'wanted';
      decide(ground(), runner, { id: record.id, kind });
      const conflict = conflictInfo(ground(), runner.name, record);
      const rows = outcome.kind === 'restored' ? outcome.rows : 0;
      return { kind: kind === 'restored' ? 'restored' : 'asked', rows, conflict };
    },
    dismissConflicts: async (request) => ({ dismissed: await dismiss(ground(), request) }),
    forgetConflicts: async (foundBeforeMs) => {
      let forgotten = 0;
      for (const { replica } of chosenRunners(ground())) forgotten += await replica.forgetConflicts(foundBeforeMs);
      return { forgotten };
    },
    ...heldCalls(ground),
    rowHistory: async ({ dataset, ...request }) => {
      const runner = await runnerWith(ground(), request.table, dataset);
      const { versions, ...history } = await runner.replica.rowHistory(request);
      const named = versions.map(({ origin, ...version }) => ({ ...version, by: nameOf(ground(), origin) }));
      return { dataset: runner.name, ...history, versions: named };
    },
    pathHistory: (query) =>
      pathHistory(
        { folder: folderOf(ground(), query.dataset), changes: (request) => changesOf(ground(), request) },
        query,
      ),
    undo: (query, tools = {}) => undo(ground(), query, tools),
  };
}

async function undo(
  ground: EngineGround,
  { dataset, server, sinceMs, isDryRun }: UndoQuery,
  { signal, onDataset, onProgress }: UndoTools,
): Promise<UndoReport> {
  const { id, name } = findServer(ground, server);
  if (ground.group.membership === 'alone') throw nothingNoted();
  const { runners, leftOut } = undoRunners(ground, dataset);
  const [steps, done]: [UndoReport['steps'][number][], Set<string>] = [[], new Set()];
  const datasets = runners.map((runner) => runner.name);
  const end = onProgress ? tellWork(ground, { datasets }, onProgress) : () => undefined;
  try {
    for (const runner of runners) {
      if (signal?.aborted) break;
      const outcome = await runner.replica.undo({ server: id, sinceMs, isDryRun }, signal);
      if (outcome.isCancelled) break;
      done.add(runner.name);
      steps.push(...outcome.steps.map((step) => ({ ...step, dataset: runner.name })));
      if (!isDryRun) tellWritten(ground, runner);
      onDataset?.(runner.name, outcome.steps.filter(({ skipped }) => skipped === null).length);
    }
  } finally {
    end();
  }
  return { server: name, steps, notDone: datasets.filter((each) => !done.has(each)), leftOut };
}

/**
 * Rows of a folder name contents that may be kept nowhere any more, and a conflict copy belongs to two of them: taken back
 * row by row, files would be missing that nobody deleted.
 */
function undoRunners(
  ground: EngineGround,
  dataset: string | undefined,
): { readonly runners: readonly DatasetRunner[]; readonly leftOut: readonly string[] } {
  const chosen = chosenRunners(ground, dataset);
  const runners = chosen.filter(({ config }) => config.folder === undefined);
  const leftOut = chosen.filter(({ config }) => config.folder !== undefined).map(({ name }) => name);
  const [folder] = leftOut;
  if (folder !== undefined && runners.length === 0) throw noUndoOfFiles(folder);
  return { runners, leftOut };
}

function heldCalls(ground: () => EngineGround): Pick<DecisionCalls, 'quarantine' | 'retryHeld' | 'dropHeld'> {
  const list = async (dataset: string | undefined, max: number, idStart = ''): Promise<QuarantineInfo[]> => {
    const found: QuarantineInfo[] = [];
    for (const runner of chosenRunners(ground(), dataset)) {
      const records = await runner.replica.quarantine({ max, idStart });
      found.push(...records.map((record) => quarantineInfo(ground(), runner.name, record)));
    }
    return found.slice(0, max);
  };
  return {
    quarantine: ({ dataset, max, idStart }) => list(dataset, max, idStart),
    retryHeld: async () => {
      let held = 0;
      for (const { replica } of chosenRunners(ground())) held += await replica.retryHeld();
      return { held };
    },
    dropHeld: async (id) => {
      const [found, second] = await list(undefined, 2, id);
      if (!found || second) throw noSuch('held row', id);
      const runner = ground().runners.get(found.dataset);
      await runner?.replica.dropHeld(found.id);
      if (runner) tellWritten(ground(), runner);
      return found;
    },
  };
}

async function dismiss(
  ground: EngineGround,
  { dataset, ids = [], all = false }: Parameters<DecisionCalls['dismissConflicts']>[0],
): Promise<number> {
  const chosen = [];
  if (all) {
    for (const runner of chosenRunners(ground, dataset)) {
      const records = await runner.replica.conflicts({ max: conflictsListedMax });
      for (const record of records)
        if (isOpen(decisionInfo(ground, runner.name, record)?.kind)) chosen.push({ runner, id: record.id });
    }
  }
  // All are looked up before the first is written: a wrong one leaves everything as it was.
  for (const id of ids) {
    const { runner, record } = await theConflict(ground, id);
    chosen.push({ runner, id: record.id });
  }
  for (const { runner, id } of chosen) decide(ground, runner, { id, kind: 'dismissed' });
  return chosen.length;
}

/** Without a group nobody needs to know what was written, so it is not kept. */
const nothingNoted = (): SyncError =>
  new SyncError('USYNC-1103', 'This server belongs to no group yet, so there is nothing to take back.', {
    nextStep: 'What is written is noted from the first "usync invite" or "usync join" on.',
  });

const noUndoOfFiles = (folder: string): SyncError =>
  new SyncError('USYNC-1706', `${folder} is a folder: what was written in it is not taken back as a whole.`, {
    nextStep: `Look what happened: usync history ${folder}. Put a file back: usync files history ${folder}, then usync files restore ${folder} NUMBER, on a server that keeps it.`,
  });

/** Decisions come with the list of servers; what waits for a database that is not open is looked at again. */
export function superviseDecisions(ground: EngineGround): void {
  const wakeup = createWakeup(ground.adapters.system);
  ground.group.onChange(wakeup.wake);
  ground.supervisor.supervise('decisions', async (signal, alive) => {
    while (!signal.aborted) {
      await followDecisions(ground);
      alive();
      await wakeup.wait(decisionsPollMs, signal);
    }
  });
}

/** A row that others wanted back and that this server knows whole is put back here. */
async function followDecisions(ground: EngineGround): Promise<void> {
  for (const { dataset, id, kind } of ground.group.decisions().values()) {
    const runner = kind === 'wanted' ? ground.runners.get(dataset) : undefined;
    if (!runner?.facts.isOpen) continue;
    const [record] = await runner.replica.conflicts({ max: 1, idStart: id });
    if (record?.id !== id || !record.canRestore || serverIdOfOrigin(record.lostOrigin) !== ground.self.id) continue;
    try {
      await runner.replica.restoreConflict(id);
      decide(ground, runner, { id, kind: 'restored' });
    } catch (error) {
      if (!(error instanceof SyncError) || !error.code.startsWith('USYNC-18')) throw error;
      decide(ground, runner, { id, kind: 'refused', why: errorMessageOf(error) });
    }
  }
}

/** The first database that has such a table. */
async function runnerWith(ground: EngineGround, table: string, dataset?: string): Promise<DatasetRunner> {
  const chosen = chosenRunners(ground, dataset);
  for (const runner of chosen) {
    // Its rows are files, and are told as such.
    if (runner.config.folder !== undefined) continue;
    const tables = await runner.replica.tables();
    if (tables.some(({ name, isSynced }) => isSynced && name === table)) return runner;
  }
  const folder = chosen.find(({ config }) => config.folder !== undefined)?.name;
  const isFolder = dataset !== undefined && folder !== undefined;
  const text = isFolder
    ? `${dataset} is a folder and has no tables.`
    : `No database here has a synced table "${table}".`;
  throw new SyncError('USYNC-1802', text, {
    ...(folder !== undefined && { nextStep: `For a file of the folder: usync history ${folder} PATH` }),
  });
}

/** What a decision wrote is captured already, so that no drain finds it: it is on its way now, not at the next look. */
function tellWritten({ signals }: EngineGround, runner: DatasetRunner): void {
  signals.onMoved(runner.name, null);
  runner.wake();
}

function decide(
  ground: EngineGround,
  runner: DatasetRunner,
  { id, kind, why = '' }: { readonly id: string; readonly kind: DecisionKind; readonly why?: string },
): void {
  const { group, self, adapters } = ground;
  group.decide({ dataset: runner.name, id, kind, why, by: self.id, atMs: adapters.system.nowMs() });
  tellWritten(ground, runner);
}

async function theConflict(
  ground: EngineGround,
  id: string,
): Promise<{ readonly runner: DatasetRunner; readonly record: ConflictRecord }> {
  const found = [];
  for (const runner of chosenRunners(ground)) {
    for (const record of await runner.replica.conflicts({ max: 2, idStart: id })) found.push({ runner, record });
  }
  const [only, second] = found;
  if (only && !second) return only;
  throw noSuch('conflict', id);
}

const noSuch = (what: string, id: string): SyncError =>
  new SyncError('USYNC-1800', `"${id}" is not the id of one ${what}.`);

const decisionOn = ({ group }: EngineGround, dataset: string, id: string): ListedDecision | null =>
  group.decisions().get(decisionKey({ dataset, id })) ?? null;

function conflictInfo(ground: EngineGround, dataset: string, record: ConflictRecord): ConflictInfo {
  const { lostOrigin, keptOrigin, ...conflict } = record;
  return {
    dataset,
    ...conflict,
    lostBy: nameOf(ground, lostOrigin),
    keptBy: keptOrigin && nameOf(ground, keptOrigin),
    decision: decisionInfo(ground, dataset, record),
  };
}

/** What is settled in the data itself is open no more, whatever was tried before. */
function decisionInfo(ground: EngineGround, dataset: string, { id, settledMs }: ConflictRecord): DecisionInfo | null {
  const decision = decisionOn(ground, dataset, id);
  if (settledMs !== null && isOpen(decision?.kind)) return { kind: 'settled', by: null, atMs: settledMs, why: '' };
  if (decision === null) return null;
  const { kind, by, atMs, why } = decision;
  return { kind, by: nameOfServer(ground, by), atMs, why };
}

const quarantineInfo = (
  ground: EngineGround,
  dataset: string,
  { origin, ...record }: QuarantineRecord,
): QuarantineInfo => ({ dataset, ...record, writtenBy: nameOf(ground, origin) });

const nameOf = (ground: EngineGround, origin: OriginId): string =>
  nameOfServer(ground, serverIdOfOrigin(origin) satisfies ServerId);
