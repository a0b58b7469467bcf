/** Who begins a dataset that nobody has yet. Two who each began it would hold two sets of rows under equal names. */
import type { ServerId } from '../core/origin.js';
import type { HelloMessage } from '../protocol/message.js';
import type { EngineGround } from './engine-parts.js';
import type { PeerLinks } from './peer-links.js';

export interface Founding {
  /** A peer was linked: what it says that it carries is known from now on. */
  readonly heard: (hello: HelloMessage) => void;
  /** Whether this server begins the dataset when nobody who carries it has anything. */
  readonly mayFound: (dataset: string) => boolean;
  /** Begins, with what is here, each dataset that nobody else carries. */
  readonly foundOrphans: () => void;
}

export function createFounding(ground: EngineGround, links: PeerLinks): Founding {
  const heard = new Map<ServerId, ReadonlySet<string>>();
  const founding: Founding = {
    heard({ server, datasets }) {
      heard.set(server, new Set(datasets));
      founding.foundOrphans();
    },
    mayFound: (dataset) => {
      const carriers = carriersOf(ground, heard, dataset);
      return carriers?.every((carrier) => isElder(ground, carrier) && isEmptyAt(links, carrier, dataset)) === true;
    },
    foundOrphans() {
      for (const [name, runner] of ground.runners) {
        if (!runner.facts.isOpen || carriersOf(ground, heard, name)?.length !== 0) continue;
        runner.foundIfFresh().catch((error: unknown) => {
          const text = error instanceof Error ? error.message : String(error);
          const { observe } = ground.observation.recorder;
          observe('error', { kind: 'dataset-notice', dataset: name, code: 'USYNC-1000', text });
        });
      }
    },
  };
  return founding;
}

/** The other members with the dataset; null as long as one of the members has not been heard since this server started. */
function carriersOf(
  { group, joins }: EngineGround,
  heard: ReadonlyMap<ServerId, ReadonlySet<string>>,
  dataset: string,
): readonly ServerId[] | null {
  if (group.membership !== 'member' || joins.isRunning) return null;
  const peers = group.peers().map(({ id }) => id);
  return peers.every((id) => heard.has(id)) ? peers.filter((id) => heard.get(id)?.has(dataset)) : null;
}

/** The member that was listed first goes before: whoever invited before who joined. */
function isElder({ group, self }: EngineGround, other: ServerId): boolean {
  const addedAtMs = (id: ServerId): number => group.servers().find((server) => server.id === id)?.addedAtMs ?? Infinity;
  const [own, theirs] = [addedAtMs(self.id), addedAtMs(other)];
  return own === theirs ? self.id < other : own < theirs;
}

function isEmptyAt(links: PeerLinks, peer: ServerId, dataset: string): boolean {
  const status = links
    .get(peer)
    ?.session.status()
    .datasets.find((each) => each.dataset === dataset);
  return status?.peerVector?.size === 0;
}
