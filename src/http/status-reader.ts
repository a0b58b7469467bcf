import type { Engine, ServerInfo } from '../engine/engine.js';
import type { EngineStatus } from '../engine/engine-status.js';
import type { System } from '../system/system.js';
import { statusSharedMs } from './http-limits.js';

/** The status and the list of servers; callers that ask at nearly the same time share one look. */
export interface StatusReader {
  read(): Promise<StatusLook>;
  /** The next call looks anew. */
  forget(): void;
}

export interface StatusLook {
  readonly status: EngineStatus;
  readonly servers: readonly ServerInfo[];
}

export function createStatusReader(engine: Engine, system: System): StatusReader {
  let last: { readonly atMs: number; readonly look: Promise<StatusLook> } | null = null;
  return {
    read() {
      const nowMs = system.monotonicMs();
      if (last === null || nowMs - last.atMs > statusSharedMs) last = { atMs: nowMs, look: look(engine) };
      return last.look;
    },
    forget: () => {
      last = null;
    },
  };
}

async function look(engine: Engine): Promise<StatusLook> {
  const [status, servers] = await Promise.all([engine.status(), engine.servers()]);
  return { status, servers };
}
