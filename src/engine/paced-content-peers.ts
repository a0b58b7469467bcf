import type { ContentPeers } from '../core/content-request.js';
import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';

/** Asks for so much a second that no more than a share of the line is taken; what is asked for at once waits in turn. */
export function createPacedContentPeers(peers: ContentPeers, bytesPerSecond: number, system: System): ContentPeers {
  let freeAtMs = 0;
  return {
    isNowhere: (request) => peers.isNowhere(request),
    async fetch(requests) {
      const nowMs = system.monotonicMs();
      const startMs = Math.max(nowMs, freeAtMs);
      const bytes = requests.reduce((sum, { length }) => sum + length, 0);
      freeAtMs = startMs + (bytes * 1000) / bytesPerSecond;
      if (startMs > nowMs) await sleep(system, startMs - nowMs);
      return peers.fetch(requests);
    },
  };
}
