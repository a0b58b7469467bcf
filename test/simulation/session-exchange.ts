/** The real sessions over simulated channels, dialled again with the real delays when they end. */
import { createDatasetTurns } from '../../src/engine/dataset-turns.js';
import { runSession, type RunningSession } from '../../src/engine/session-runner.js';
import { dialDelayMs } from '../../src/protocol/dial-delay.js';
import { decodeMessage } from '../../src/protocol/message-codec.js';
import type { SessionReport } from '../../src/protocol/session-event.js';
import type { Channel } from '../../src/transports/transport.js';
import type { RunningReplica, VirtualServer } from './virtual-server.js';
import { fail, type World } from './world.js';

const dataset = 'shop';
/** Codes that a run brings about on purpose: a lock that somebody holds, a connection that ended. */
const expectedCodes = new Set(['', 'USYNC-1201', 'USYNC-1501', 'USYNC-1505']);

/** Keeps one session between the two for as long as both processes live. */
export function startSessions(world: World, a: VirtualServer, b: VirtualServer): void {
  const dialler = a.engine;
  const listener = b.engine;
  if (!dialler || !listener) return;
  const isStopped = (): boolean => dialler.process.isDead() || listener.process.isDead() || world.failure !== null;
  let failures = 0;
  const dial = (): void => {
    if (isStopped()) return;
    const channels = world.network.connect(a.index, b.index);
    if (!channels) {
      failures++;
      dialler.process.system.after(delay(), dial);
      return;
    }
    const openedMs = world.time.nowMs();
    const [near, far] = channels;
    runOne(world, { server: b, engine: listener, channel: far });
    const session = runOne(world, { server: a, engine: dialler, channel: near });
    void again(session, openedMs);
  };
  const again = async (session: RunningSession, openedMs: number): Promise<void> => {
    await session.closed;
    failures = world.time.nowMs() - openedMs > 5_000 ? 1 : failures + 1;
    dialler.process.system.after(delay(), dial);
  };
  const delay = (): number => dialDelayMs({ failures, random: world.random.below(1_000) / 1_000 });
  dialler.process.system.after(world.random.below(100), dial);
}

interface End {
  readonly server: VirtualServer;
  readonly engine: RunningReplica;
  readonly channel: Channel;
}

/** One side of one session. */
function runOne(world: World, { server, engine, channel }: End): RunningSession {
  const turns = (engine.turns ??= createDatasetTurns());
  const others = (): RunningSession[] => [...engine.sessions].filter((other) => other !== session);
  const session: RunningSession = runSession({
    channel,
    replicas: new Map([[dataset, engine.replica]]),
    system: engine.process.system,
    observe: () => undefined,
    turns,
    identity: { server: server.identity.server, name: server.identity.serverName, bootNonce: bootNonceOf(engine) },
    hooks: {
      decide: () => ({ kind: 'accepted' }),
      onMoved: (name) => {
        for (const other of others()) other.changed(name);
      },
      onReport: (report) => noteReport(world, { server, report, others }),
      chooseAdoption: () => Promise.resolve('same-rows' as const),
    },
  });
  engine.sessions.add(session);
  void noteEnd(world, { server, engine, channel }, session);
  return session;
}

async function noteEnd(world: World, { server, engine, channel }: End, session: RunningSession): Promise<void> {
  const { code, reason, isByPeer } = await session.closed;
  engine.sessions.delete(session);
  if (engine.process.isDead()) return;
  world.trace.line(`s${server.index} session with ${peerOf(channel)} ended ${code} ${reason}`);
  if (expectedCodes.has(code)) return;
  const saidBy = isByPeer ? ' (said by the peer)' : '';
  fail(world, 'PROTOCOL', `session of s${server.index} with s${peerOf(channel)} ended with ${code} ${reason}${saidBy}`);
}

const bootNonceOf = (engine: RunningReplica): string =>
  `${engine.server}`.padStart(16, '0') + `${engine.generation}`.padStart(16, '0');
const peerOf = ({ remoteAddress }: Channel): number => Number(remoteAddress.slice('server-'.length));

function noteReport(
  world: World,
  given: { server: VirtualServer; report: SessionReport; others: () => RunningSession[] },
): void {
  const { server, report } = given;
  world.trace.line(`s${server.index} ${report.kind}`);
  switch (report.kind) {
    case 'proof-failed':
      return fail(
        world,
        'DIGEST',
        `s${server.index} found by a peer's proof that tables differ: ${report.tables.join(', ')}`,
      );
    case 'paused':
      if (!expectedCodes.has(report.code)) fail(world, 'PAUSED', `s${server.index}: ${report.code} ${report.text}`);
      return;
    default:
      return;
  }
}

/** At rest only keep-alives and proofs may be seen on the wire. */
export function watchForEcho(world: World): void {
  world.network.onFrame((from, to, frame) => {
    if (!world.isAtRest) return;
    const { kind } = decodeMessage(frame);
    if (kind !== 'ping' && kind !== 'pong' && kind !== 'proof')
      fail(world, 'ECHO', `s${from} sent "${kind}" to s${to} at rest`);
  });
}
