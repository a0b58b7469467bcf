import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EntryVersion } from '../core/entry.js';
import { createRealSystem } from '../system/real-system.js';
import { createPacedContentPeers } from './paced-content-peers.js';

test('contents are asked for at the pace that is allowed, in the order asked for', async () => {
  const asked: number[] = [];
  const peers = createPacedContentPeers(
    {
      isNowhere: () => Promise.resolve(false),
      fetch: (requests) => {
        asked.push(requests[0]?.offset ?? 0);
        return Promise.resolve([]);
      },
    },
    1_000_000,
    createRealSystem(),
  );
  const startedMs = performance.now();
  const version = 'f:x' as EntryVersion;
  const ask = (offset: number) => peers.fetch([{ version, part: 'content', offset, length: 50_000 }]);
  await Promise.all([0, 1, 2, 3, 4].map(ask));
  // The first goes at once, each further one after the 50 ms of the one before it.
  assert.ok(performance.now() - startedMs >= 195);
  assert.deepEqual(asked, [0, 1, 2, 3, 4]);
});
