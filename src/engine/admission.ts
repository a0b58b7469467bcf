/** Who may in: decides about each connection after its hello, by the key that its handshake has proven. */
import type { HelloMessage, PairingProof } from '../protocol/message.js';
import type { Verdict } from '../protocol/session-event.js';
import type { Channel } from '../transports/transport.js';
import type { ListedServer } from '../databases/server-list.js';
import { lookMsMax, serversDataset } from './engine-limits.js';
import type { Group } from './group.js';
import type { Invites } from './invites.js';

export interface Admission {
  /** Before a byte is read. Removed and pending servers may greet as strangers may, so that they are told what they are. */
  isTrusted(fingerprint: string): boolean | 'pairing';
  /** The session has held the id of the hello against the key of the channel. */
  decide(hello: HelloMessage, channel: Channel): Promise<Decision>;
  /** Whether a visitor may go on looking. */
  mayLook(hello: HelloMessage, channel: Channel): boolean;
}

/** `visitor`: it may look at the data that it was invited to, and is no member. */
export type Decision =
  | { readonly kind: 'member' }
  | { readonly kind: 'visitor'; readonly untilMs: number }
  | { readonly kind: 'other'; readonly verdict: Exclude<Verdict, { kind: 'accepted' }> };

export interface AdmissionOptions {
  readonly group: Group;
  readonly invites: Invites;
  readonly self: { readonly id: ListedServer['id']; readonly fingerprint: string };
  readonly nowMs: () => number;
  /** Whether this server itself was removed, as far as it was told. */
  readonly isRemoved: () => boolean;
  /** Whether a person here has paused it: no connection until it is resumed. */
  readonly isPaused: (server: ListedServer['id']) => boolean;
  readonly onJoined: (server: ListedServer) => void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { group, invites } = options;
  return {
    isTrusted(fingerprint) {
      if (isOfInviter(group, fingerprint)) return true;
      const listed = group.byFingerprint(fingerprint);
      if (listed !== null) return listed.state === 'member' ? true : 'pairing';
      return invites.hasOpen() ? 'pairing' : false;
    },
    async decide(hello, channel) {
      if (options.isPaused(hello.server)) return refused('USYNC-1409', pauseText);
      if (hello.pairing !== null) {
        const paired = await pair(options, { hello, channel, pairing: hello.pairing });
        if (paired !== null) return paired;
      }
      return decideByList(options, channel.peerFingerprint);
    },
    mayLook({ server, pairing }, { peerFingerprint }) {
      if (pairing === null || options.isRemoved() || options.isPaused(server)) return false;
      return invites.isGood(pairing.invite, peerFingerprint);
    },
  };
}

const refused = (code: string, text: string): Decision => ({ kind: 'other', verdict: { kind: 'refused', code, text } });

export const pauseText = 'A person has paused the connection with your server.';

/** While this server waits: who invited it, and whom that one named as a member, which may approve it as well. */
const isOfInviter = ({ inviter }: Group, fingerprint: string): boolean =>
  inviter !== null && (inviter.fingerprint === fingerprint || inviter.members.includes(fingerprint));

function decideByList({ group }: AdmissionOptions, fingerprint: string): Decision {
  if (isOfInviter(group, fingerprint)) return { kind: 'member' };
  if (group.membership === 'removed') return refused('USYNC-1402', 'This server was removed from the group itself.');
  const listed = group.byFingerprint(fingerprint);
  switch (listed?.state) {
    case undefined:
      return refused('USYNC-1401', 'The key of your server is not known here.');
    case 'removed':
      return refused('USYNC-1402', removalText(group.servers(), listed));
    case 'pending':
      return {
        kind: 'other',
        verdict: {
          kind: 'pending',
          text: 'A member of the group must approve this server first.',
          members: group.peers().map((member) => member.fingerprint),
        },
      };
    case 'member':
      return { kind: 'member' };
  }
}

/** What a removed server is told: by whom and when. */
export function removalText(servers: readonly ListedServer[], { removedBy, removedAtMs }: ListedServer): string {
  const remover = servers.find(({ id }) => id === removedBy)?.name;
  const by = remover === undefined ? '' : ` by ${remover}`;
  const on =
    removedAtMs === null ? '' : ` on ${new Date(removedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return `Your server was removed from the group${by}${on}.`;
}

interface Pairing {
  readonly hello: HelloMessage;
  readonly channel: Channel;
  readonly pairing: PairingProof;
}

/** Null when the server is known by its key anyway, whatever it shows. */
async function pair(options: AdmissionOptions, { hello, channel, pairing }: Pairing): Promise<Decision | null> {
  const { group, invites } = options;
  const listed = group.byFingerprint(channel.peerFingerprint);
  const isKnown = listed?.state === 'member' || listed?.state === 'pending';
  const isVisit = !hello.datasets.includes(serversDataset);
  // Judged again at each change of the list while it waits: a code that has expired since is no wrong guess.
  if (isKnown && !isVisit) return null;
  const match = await invites.check({ pairing, channel, isUsed: !isVisit });
  if (match.kind === 'refused') return isKnown ? null : refused('USYNC-1400', match.text);
  if (options.isRemoved())
    return refused('USYNC-1400', 'The server that made the code was removed from its group since.');
  if (isVisit) {
    // Who must be approved sees nothing before.
    if (!match.isPreApproved && listed?.state !== 'member')
      return refused(
        'USYNC-1405',
        'This code lets nobody look before a member of the group has approved: join with it.',
      );
    channel.admit?.();
    return { kind: 'visitor', untilMs: Math.min(match.expiresAtMs, options.nowMs() + lookMsMax) };
  }
  const joined = joinedServer(options, { hello, channel, before: listed, isPreApproved: match.isPreApproved });
  group.enlist(joined);
  options.onJoined(joined);
  if (match.isPreApproved) channel.admit?.();
  return null;
}

interface Joining {
  readonly hello: HelloMessage;
  readonly channel: Channel;
  readonly before: ListedServer | null;
  readonly isPreApproved: boolean;
}

function joinedServer(
  { self, nowMs }: AdmissionOptions,
  { hello, channel, before, isPreApproved }: Joining,
): ListedServer {
  return {
    addedBy: self.id,
    addedAtMs: nowMs(),
    ...before,
    id: hello.server,
    name: hello.name,
    fingerprint: channel.peerFingerprint,
    addresses: hello.addresses,
    datasets: hello.datasets.filter((name) => name !== serversDataset),
    state: isPreApproved ? 'member' : 'pending',
    removedBy: null,
    removedAtMs: null,
  };
}
