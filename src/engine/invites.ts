import { createHash } from 'node:crypto';
import { SyncError } from '../core/sync-error.js';
import type { PairingProof } from '../protocol/message.js';
import type { DataFiles } from '../system/data-files.js';
import { randomHex } from '../system/random.js';
import type { System } from '../system/system.js';
import type { Channel } from '../transports/transport.js';
import type { Invite, InviteOptions } from './engine.js';
import { invitesMax, inviteValidMs } from './engine-limits.js';
import type { InviteInfo } from './page-calls.js';
import {
  createGuessGuard,
  createInviteCode,
  inviteRecordOf,
  judgePairingProof,
  type GuessGuard,
  type InviteContent,
  type InviteRecord,
} from './pairing.js';

/** The open invites of this server, in its data folder: they never travel. */
export interface Invites {
  create(options: InviteOptions, contact: InviteContact): Promise<Invite>;
  /** Newest first. */
  list(): readonly InviteInfo[];
  /** Throws `USYNC-1908` when there is none of this id. */
  revoke(id: string): Promise<void>;
  hasOpen(): boolean;
  /**
   * A wrong proof counts against its invite and slows it; a right one is the end of it for every other key when `isUsed`.
   * What shows no invite of here, or one that is over, counts against nobody: 128 bits are not guessed, and whoever could
   * make others wait by wrong tries would lock everybody out.
   */
  check(shown: ShownProof): Promise<ProofVerdict>;
  /** Whether who has proven an invite before may still look with it. */
  isGood(invite: string, fingerprint: string): boolean;
  /** Told after each change: made, used, revoked, shown wrongly. */
  onChange(listener: () => void): void;
}

/** Where, and by which key, who has the code finds this server. */
export interface InviteContact {
  readonly addresses: readonly string[];
  readonly fingerprint: string;
}

export interface ShownProof {
  readonly pairing: PairingProof;
  readonly channel: Channel;
  readonly isUsed: boolean;
}

export type ProofVerdict =
  | { readonly kind: 'accepted'; readonly isPreApproved: boolean; readonly expiresAtMs: number }
  | { readonly kind: 'refused'; readonly text: string };

const fileName = 'invites.json';
/** Used invites are kept for a while, so that their user may come back after a connection that was lost too early. */
const usedKeepMs = 3_600_000;

export interface InvitesOptions {
  readonly files: DataFiles;
  readonly system: System;
  readonly fingerprint: string;
}

export async function openInvites({ files, system, fingerprint }: InvitesOptions): Promise<Invites> {
  let records = parsed(await files.read(fileName));
  const guards = new Map<string, GuessGuard>();
  const listeners = new Set<() => void>();
  const keep = async (next: readonly InviteRecord[]): Promise<void> => {
    const since = system.nowMs() - usedKeepMs;
    records = next.filter(({ expiresAtMs }) => expiresAtMs > since);
    for (const id of guards.keys()) if (!records.some(({ invite }) => invite === id)) guards.delete(id);
    for (const listener of listeners) listener();
    await files.write(fileName, JSON.stringify(records));
  };
  const guardOf = (id: string): GuessGuard => {
    const guard = guards.get(id) ?? createGuessGuard();
    guards.set(id, guard);
    return guard;
  };
  return {
    async create({ validMs = inviteValidMs, isPreApproved = true }, contact) {
      const open = records.filter(({ usedBy, expiresAtMs }) => usedBy === null && expiresAtMs > system.nowMs());
      if (open.length >= invitesMax)
        throw new SyncError('USYNC-1507', `There are ${open.length} open invites already.`, {
          nextStep: 'Use them, or wait until they expire.',
        });
      const expiresAtMs = system.nowMs() + validMs;
      const content: InviteContent = { ...contact, secret: randomHex(system, 16), expiresAtMs, isPreApproved };
      const record = inviteRecordOf(content);
      await keep([...records, record]);
      return { id: record.invite, code: createInviteCode(content), expiresAtMs, isPreApproved };
    },
    list: () =>
      records
        .map(({ invite, expiresAtMs, isPreApproved, usedBy }) => ({ id: invite, expiresAtMs, isPreApproved, usedBy }))
        .toReversed(),
    async revoke(id) {
      if (!records.some(({ invite }) => invite === id)) throw new SyncError('USYNC-1908', `There is no invite ${id}.`);
      await keep(records.filter(({ invite }) => invite !== id));
    },
    hasOpen: () => records.some(({ expiresAtMs }) => expiresAtMs > system.nowMs()),
    async check({ pairing, channel, isUsed }) {
      const nowMs = system.nowMs();
      // Durations: a wall clock that is set back must not shut everybody out.
      if ((guards.get(pairing.invite)?.waitMs(system.monotonicMs()) ?? 0) > 0)
        return { kind: 'refused', text: 'This code was shown wrongly too often; try again in a minute.' };
      const outcome = judgePairingProof({
        records,
        pairing,
        nowMs,
        channel: { binding: bindingOf(channel), joiner: channel.peerFingerprint, inviter: fingerprint },
      });
      if (outcome.kind === 'refused') {
        if (outcome.record !== null) {
          guardOf(pairing.invite).wrong(system.monotonicMs());
          await keep(withRecord(records, outcome.record));
        }
        return { kind: 'refused', text: outcome.error.message };
      }
      guards.delete(pairing.invite);
      if (isUsed) await keep(withRecord(records, outcome.record));
      const { isPreApproved, expiresAtMs } = outcome.record;
      return { kind: 'accepted', isPreApproved, expiresAtMs };
    },
    isGood: (id, key) => {
      const record = records.find(({ invite }) => invite === id);
      return record !== undefined && record.expiresAtMs > system.nowMs() && [null, key].includes(record.usedBy);
    },
    onChange: (listener) => void listeners.add(listener),
  };
}

/** Channels that prove no key of their own exchange (those of tests) are bound by the two keys alone. */
export const bindingOf = (channel: Channel): string =>
  channel.binding ?? createHash('sha256').update('usync no binding').digest('hex');

const withRecord = (records: readonly InviteRecord[], changed: InviteRecord): InviteRecord[] =>
  records.map((record) => (record.invite === changed.invite ? changed : record));

/** A damaged file is as if no invite were open. */
function parsed(text: string | null): readonly InviteRecord[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? (value as InviteRecord[]) : [];
  } catch {
    return [];
  }
}
