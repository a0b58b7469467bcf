/** What the calls of one session on one replica do to each other. The replica is a list of what it was asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import type { Replica } from '../databases/replica.js';
import type { CallResult } from '../protocol/session-event.js';
import { createReplicaLane, type LaneOptions, type ReplicaLane } from './replica-lane.js';

interface TestLane {
  readonly lane: ReplicaLane;
  readonly asked: string[];
  readonly results: CallResult[];
  readonly failures: string[];
}

function laneOf(options: Partial<LaneOptions> = {}): TestLane {
  const asked: string[] = [];
  const results: CallResult[] = [];
  const failures: string[] = [];
  const replica: Pick<Replica, 'dataset' | 'merge' | 'position' | 'receiveSnapshot' | 'bucketSums'> = {
    dataset: 'shop',
    merge: () => Promise.reject(new SyncError('USYNC-1201', 'locked')),
    position: () => Promise.resolve({ isFresh: true } as Awaited<ReturnType<Replica['position']>>),
    receiveSnapshot: () => {
      asked.push('receiveSnapshot');
      return Promise.reject(new SyncError('USYNC-1207', 'full'));
    },
    bucketSums: () => Promise.resolve([7]),
  };
  const lane = createReplicaLane({
    replica: replica as Replica,
    mayFound: () => false,
    chooseAdoption: undefined,
    onResult: (_, result) => results.push(result),
    onFailed: (_, { code }) => failures.push(code),
    ...options,
  });
  return { lane, asked, results, failures };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test('a question that waits behind a call that fails is answered', async () => {
  const { lane, results, failures } = laneOf();
  lane.run(0, { kind: 'merge', parts: [] });
  lane.run(0, { kind: 'answer', id: 3, question: { kind: 'sums', table: 'item', buckets: 1 } });
  lane.run(0, { kind: 'merge', parts: [] });
  await settled();
  assert.deepEqual(failures, ['USYNC-1201'], 'the streams of that round are void');
  assert.deepEqual(results, [{ kind: 'answer', id: 3, answer: { kind: 'sums', sums: [7] } }]);
  await lane.end();
});

test('the state of a group about which a person has to decide is not fetched again before', async () => {
  for (const [isUndecided, code] of [
    [true, 'USYNC-1406'],
    [false, 'USYNC-1207'],
  ] as const) {
    const { lane, asked, failures } = laneOf({ isUndecided: () => isUndecided });
    lane.run(0, { kind: 'snapshot-receive', vector: new Map() });
    await settled();
    assert.deepEqual([failures, asked.length], [[code], isUndecided ? 0 : 1]);
    await lane.end();
  }
});
