/** Sessions as an engine starts them, over memory links in virtual time, on model replicas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { createModelServer, type ModelServer } from '../../test/model-replica/model-servers.js';
import { createVirtualSystem, type VirtualSystem } from '../../test/model-replica/virtual-system.js';
import { createMemoryLink } from '../transports/memory/memory-link.js';
import type { Decision } from './admission.js';
import { createDatasetTurns } from './dataset-turns.js';
import { createPeerLinks } from './peer-links.js';
import { runSession, type RunningSession } from './session-runner.js';
import { createSessionStarter, type SessionStarter } from './session-starter.js';

const bootNonce = '0'.repeat(32);

function starterOf(
  system: VirtualSystem,
  server: ModelServer,
  decide: () => Decision,
  options: { readonly isTrusted?: () => boolean; readonly onReport?: () => void; readonly onEnd?: () => void } = {},
): SessionStarter {
  const self = { id: server.id, name: 'a' };
  const links = createPeerLinks({ self: server.id, system, onTwin: () => undefined, onLost: () => undefined });
  return createSessionStarter({
    self,
    bootNonce,
    addresses: () => [],
    replicas: () => server.replicas,
    system,
    observe: (_level, event) => server.events.push(event),
    turns: createDatasetTurns(),
    links,
    admission: {
      isTrusted: options.isTrusted ?? (() => true),
      decide: () => Promise.resolve().then(decide),
      mayLook: () => true,
    },
    chooseAdoption: () => Promise.resolve('measure'),
    isUndecided: () => false,
    mayFound: () => false,
    onMoved: () => undefined,
    onReport: options.onReport ?? (() => undefined),
    onEnd: options.onEnd ?? (() => undefined),
  });
}

/** `other` dials and lets in whom it has reached. */
function dialFrom(system: VirtualSystem, other: ModelServer, starter: SessionStarter): RunningSession {
  const link = createMemoryLink({ delayMs: () => 1, system });
  starter.start({ channel: link.channels[0], isOutgoing: false, address: 'memory' });
  return runSession({
    channel: link.channels[1],
    replicas: other.replicas,
    system,
    observe: () => undefined,
    identity: { server: other.id, name: 'b', bootNonce: '1'.repeat(32) },
    hooks: { decide: () => ({ kind: 'accepted' }) },
  });
}

for (const isVisit of [false, true])
  test(`what a ${isVisit ? 'visitor writes is merged by nobody' : 'member writes is merged'}, and either reads`, async () => {
    const system = createVirtualSystem();
    const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
    await a.write('of a', '1');
    await b.write('of b', '1');
    const noted = { reports: 0, ends: 0 };
    const starter = starterOf(
      system,
      a,
      () => (isVisit ? { kind: 'visitor', untilMs: Infinity } : { kind: 'member' }),
      { onReport: () => noted.reports++, onEnd: () => noted.ends++ },
    );
    const session = dialFrom(system, b, starter);
    await system.run(3_000);
    assert.equal(a.replica.rows.has('of b'), !isVisit);
    assert.equal(b.replica.rows.has('of a'), true);
    if (isVisit) assert.deepEqual(a.events, [], 'a visit leaves no trace');
    session.close('', 'the test is over');
    await system.run(100);
    assert.deepEqual([noted.reports > 0, noted.ends], isVisit ? [false, 0] : [true, 1]);
  });

test('a server that cannot be judged again while it waits is told so, and comes again', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const answers: (() => Decision)[] = [
    () => ({ kind: 'other', verdict: { kind: 'pending', text: 'A member must approve it.', members: [] } }),
    () => {
      throw new SyncError('USYNC-1207', 'The disk is full.');
    },
  ];
  const starter = starterOf(system, a, () => answers.shift()?.() ?? { kind: 'member' });
  const session = dialFrom(system, b, starter);
  await system.run(100);
  assert.equal(session.status().peerWaits, 'A member must approve it.');
  starter.reconsider();
  await system.run(100);
  const { code, reason } = await session.closed;
  assert.deepEqual([code, reason], ['USYNC-1207', 'The disk is full.']);
  const next = dialFrom(system, b, starter);
  await system.run(100);
  assert.equal(next.status().stage, 'open');
  next.close('', 'the test is over');
  await system.run(100);
});

test('a server that was removed while its connection was judged is not let in', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const session = dialFrom(
    system,
    b,
    starterOf(system, a, () => ({ kind: 'member' }), { isTrusted: () => false }),
  );
  await system.run(1_000);
  assert.equal((await session.closed).code, 'USYNC-1402');
});

test('a session that cannot carry out a step ends with the reason, not in silence', async () => {
  const system = createVirtualSystem();
  const [a, b] = [createModelServer(system, 'a'), createModelServer(system, 'b')];
  const onReport = (): void => {
    throw new SyncError('USYNC-1001', 'It cannot be noted.');
  };
  const starter = starterOf(system, a, () => ({ kind: 'member' }), { onReport });
  const session = dialFrom(system, b, starter);
  await system.run(1_000);
  assert.equal((await session.closed).isByPeer, true);
  await starter.stop('the test is over');
});
