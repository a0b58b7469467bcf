import type { ContentPeers } from '../core/content-request.js';
import type { ServerId } from '../core/origin.js';
import { SyncError } from '../core/sync-error.js';
import { contentSinceVersion } from '../protocol/protocol-limits.js';
import type { PeerLink, PeerLinks } from './peer-links.js';

export interface ContentPeersOptions {
  readonly dataset: string;
  readonly links: () => PeerLinks | null;
  /** The other servers that carry the dataset, connected or not. */
  readonly carriers: () => readonly ServerId[];
}

/** Asks connected peers for contents of one dataset: the one with the fewest open questions first, then the others. */
export function createContentPeers({ dataset, links, carriers }: ContentPeersOptions): ContentPeers {
  const openByLink = new WeakMap<PeerLink, number>();
  const openOf = (link: PeerLink): number => openByLink.get(link) ?? 0;
  return {
    async fetch(requests) {
      const peers = (links()?.all() ?? []).filter((link) => isAble(link, dataset));
      if (peers.length === 0) throw new SyncError('USYNC-1703', 'No server that carries the dataset is connected.');
      const pieces: (Uint8Array | null)[] = requests.map(() => null);
      for (const link of peers.toSorted((a, b) => openOf(a) - openOf(b))) {
        const missing = requests.flatMap((request, index) => (pieces[index] === null ? [{ request, index }] : []));
        if (missing.length === 0) break;
        openByLink.set(link, openOf(link) + 1);
        const wanted = missing.map(({ request }) => request);
        const answer = await link.session.ask(dataset, { kind: 'content', requests: wanted });
        openByLink.set(link, openOf(link) - 1);
        if (answer.kind !== 'content' || answer.pieces.length !== wanted.length) continue;
        for (const [at, { index }] of missing.entries()) pieces[index] = answer.pieces[at] ?? null;
      }
      return pieces;
    },
    async isNowhere(request) {
      for (const server of carriers()) {
        const link = links()?.get(server) ?? null;
        if (link === null || !isAble(link, dataset)) return false;
        const answer = await link.session.ask(dataset, { kind: 'content', requests: [request] });
        if (answer.kind !== 'content' || answer.pieces.length !== 1 || answer.pieces[0] !== null) return false;
      }
      return true;
    },
  };
}

const isAble = ({ hello, session }: PeerLink, dataset: string): boolean =>
  hello.versionMax >= contentSinceVersion && session.carries(dataset);
