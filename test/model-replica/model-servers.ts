/** Servers with model replicas and real sessions over memory links: what the tests of the session are made of. */
import type { ServerId } from '../../src/core/origin.js';
import { createDatasetTurns, type DatasetTurns } from '../../src/engine/dataset-turns.js';
import { runSession, type RunningSession } from '../../src/engine/session-runner.js';
import type { EventDetail } from '../../src/observe/event.js';
import type { SessionReport } from '../../src/protocol/session-event.js';
import { createMemoryLink, type MemoryLink, type MemoryLinkOptions } from '../../src/transports/memory/memory-link.js';
import { createModelReplica, type ModelReplica } from './model-replica.js';
import type { VirtualSystem } from './virtual-system.js';

export interface ModelServer {
  readonly id: ServerId;
  readonly replicas: Map<string, ModelReplica>;
  readonly sessions: Set<RunningSession>;
  readonly events: EventDetail[];
  readonly reports: SessionReport[];
  readonly turns: DatasetTurns;
  readonly replica: ModelReplica;
  /** Writes and captures, as an application and the engine's capture loop do. */
  write(key: string, value: string, dataset?: string): Promise<void>;
  status(): ReturnType<RunningSession['status']>['datasets'];
}

export function createModelServer(
  system: VirtualSystem,
  letter: string,
  options: { readonly datasets?: readonly string[]; readonly isFresh?: boolean; readonly partBytes?: number } = {},
): ModelServer {
  const id = letter.repeat(16) as ServerId;
  const replicas = new Map<string, ModelReplica>();
  for (const dataset of options.datasets ?? ['shop']) {
    const { isFresh = false, partBytes = 64 * 1024 } = options;
    replicas.set(dataset, createModelReplica({ dataset, server: id, isFresh, partBytes, nowMs: () => system.nowMs() }));
  }
  const sessions = new Set<RunningSession>();
  const replicaOf = (dataset: string): ModelReplica => {
    const replica = replicas.get(dataset);
    if (!replica) throw new Error(`no dataset ${dataset}`);
    return replica;
  };
  return {
    id,
    replicas,
    sessions,
    events: [],
    reports: [],
    turns: createDatasetTurns(),
    get replica() {
      return replicaOf('shop');
    },
    async write(key, value, dataset = 'shop') {
      replicaOf(dataset).write(key, value);
      await replicaOf(dataset).drain();
      for (const session of sessions) session.changed(dataset);
    },
    status: () => [...sessions].flatMap((session) => session.status().datasets),
  };
}

/** Opens a link between two servers and runs a session at each end. */
export function connect(
  system: VirtualSystem,
  [a, b]: readonly [ModelServer, ModelServer],
  options: Omit<MemoryLinkOptions, 'system'> = {},
): MemoryLink & { readonly sessions: readonly [RunningSession, RunningSession] } {
  const link = createMemoryLink({ delayMs: () => 1, ...options, system });
  const first = run(system, a, link.channels[0]);
  const second = run(system, b, link.channels[1]);
  return { ...link, sessions: [first, second] };
}

function run(system: VirtualSystem, server: ModelServer, channel: MemoryLink['channels'][number]): RunningSession {
  const tellLinks = (): void => {
    const linked = [...server.sessions].flatMap((other) => other.status().peer?.server ?? []);
    for (const other of server.sessions) other.links(linked);
  };
  const session = runSession({
    channel,
    replicas: server.replicas,
    system,
    observe: (_level, event) => server.events.push(event),
    identity: {
      server: server.id,
      name: `server ${server.id[0]}`,
      bootNonce: server.id.charCodeAt(0).toString(16).repeat(16),
    },
    turns: server.turns,
    hooks: {
      decide: () => ({ kind: 'accepted' }),
      onMoved: (dataset) => {
        for (const other of server.sessions) other.changed(dataset);
      },
      onReport: (report) => {
        server.reports.push(report);
        if (report.kind === 'opened') tellLinks();
      },
    },
  });
  server.sessions.add(session);
  const leave = async (): Promise<void> => {
    await session.closed;
    server.sessions.delete(session);
    tellLinks();
  };
  void leave();
  return session;
}
