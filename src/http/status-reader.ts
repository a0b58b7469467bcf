import type { Engine, ServerInfo } from '../engine/engine.js';
import type { EngineStatus } from '../engine/engine-status.js';
import type { PingReport } from '../engine/page-calls.js';
import type { ObservedEvent } from '../observe/event.js';
import type { System } from '../system/system.js';
import { statusLongPatienceMs, statusOldMsMax, statusPatienceMs, statusSharedMs } from './http-limits.js';

/**
 * The status and the list of servers; callers that ask at nearly the same time share one look, unless something was
 * learnt since it began: then nobody is told what it saw.
 */
export interface StatusReader {
  read(): Promise<StatusLook>;
  /** As `read`, for whoever has time: waits longer for a dataset that is busy, so that a busy machine does not look like a busy dataset. */
  readPatiently(): Promise<StatusLook>;
  /** The next call looks anew. */
  forget(): void;
  /** What came of asking a server; counts until the server is heard again. */
  pinged(id: string, report: PingReport): void;
  close(): void;
}

export interface StatusLook {
  readonly status: EngineStatus;
  readonly servers: readonly ServerInfo[];
  /** By id: servers that did not answer when they were asked last, and were not heard since. */
  readonly unanswered: ReadonlyMap<string, UnansweredPing>;
}

export interface UnansweredPing {
  readonly atMs: number;
  readonly reason: string;
}

type Looked = Pick<Engine, 'status' | 'servers' | 'onActivity'>;

export function createStatusReader(engine: Looked, system: System): StatusReader {
  let last: { readonly atMs: number; readonly look: Promise<StatusLook> } | null = null;
  /** The last look that every dataset answered, as long as nothing is known to have happened since. */
  let complete: { readonly atMs: number; readonly look: StatusLook } | null = null;
  let learnt = 0;
  const unanswered = new Map<string, UnansweredPing>();
  const forget = (): void => {
    last = null;
    complete = null;
    learnt += 1;
  };
  const forgetActivity = engine.onActivity(({ kind }) => {
    if (changesServers.has(kind)) return forget();
    complete = null;
    learnt += 1;
  });
  /** A dataset may be late because the machine is busy with something else: then it stands as it stood. */
  const lookNow = async (atMs: number, patienceMs: number): Promise<StatusLook> => {
    const before = learnt;
    const found = await look(engine, unanswered, patienceMs);
    if (found.status.datasets.every(({ unansweredMs }) => unansweredMs === 0)) {
      if (learnt === before) complete = { atMs, look: found };
      return found;
    }
    return complete && atMs - complete.atMs < statusOldMsMax ? complete.look : found;
  };
  return {
    forget,
    read() {
      const nowMs = system.monotonicMs();
      if (last === null || nowMs - last.atMs > statusSharedMs)
        last = { atMs: nowMs, look: lookNow(nowMs, statusPatienceMs) };
      return last.look;
    },
    readPatiently: () => lookNow(system.monotonicMs(), statusLongPatienceMs),
    pinged(id, { isAnswered, atMs, reason }) {
      if (isAnswered) unanswered.delete(id);
      else unanswered.set(id, { atMs, reason: reason ?? 'It did not answer.' });
      forget();
    },
    close: forgetActivity,
  };
}

/** Merging goes on all the time and shows in the next look; who is there and who is not must show at once. */
const changesServers: ReadonlySet<ObservedEvent['kind']> = new Set<ObservedEvent['kind']>([
  'peer-connected',
  'peer-lost',
  'peer-refused',
  'server-joined',
  'server-removed',
  'proof-failed',
  'loop-failed',
  'loop-recovered',
  'engine-stopped',
]);

async function look(engine: Looked, unanswered: Map<string, UnansweredPing>, patienceMs: number): Promise<StatusLook> {
  const [status, servers] = await Promise.all([engine.status({ patienceMs }), engine.servers()]);
  for (const { id, lastContactMs } of status.peers) {
    const asked = unanswered.get(id);
    if (asked && (lastContactMs ?? 0) > asked.atMs) unanswered.delete(id);
  }
  return { status, servers, unanswered: new Map(unanswered) };
}
