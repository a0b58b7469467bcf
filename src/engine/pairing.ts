/**
 * Invite codes and what is proven with them. A code is shown once to a person, carries all that the new server needs to
 * find and pin the inviter, and a secret of 128 bits that itself never travels.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createByteReader } from '../core/byte-reader.js';
import { createByteWriter } from '../core/byte-writer.js';
import { SyncError } from '../core/sync-error.js';
import type { PairingProof } from '../protocol/message.js';

export interface InviteContent {
  /** Where the inviter can be reached, "host:port"; tried in this order. */
  readonly addresses: readonly string[];
  /** SHA-256 of the inviter's public key, hex. */
  readonly fingerprint: string;
  /** 32 hex characters, random, for this invite only. */
  readonly secret: string;
  readonly expiresAtMs: number;
  /** The new server is a member at once; else a person must approve it. */
  readonly isPreApproved: boolean;
}

/** What the inviter keeps of an invite. */
export interface InviteRecord {
  /** 16 hex characters; tells invites apart without giving the secret away. */
  readonly invite: string;
  readonly secret: string;
  readonly expiresAtMs: number;
  readonly isPreApproved: boolean;
  /** The key that used it. It may use it again, as after a connection that was lost too early. */
  readonly usedBy: string | null;
  /** Wrong proofs shown so far. */
  readonly wrongCount: number;
}

/** The two ends of the channel on which a proof is shown. */
export interface PairingChannel {
  /** `Channel.binding`: a proof that is recorded or relayed is worth nothing on another channel. */
  readonly binding: string;
  /** Fingerprints. */
  readonly joiner: string;
  readonly inviter: string;
}

export type ProofOutcome =
  | { readonly kind: 'accepted'; readonly record: InviteRecord }
  /** `record` is the changed record to keep, where there is one. */
  | { readonly kind: 'refused'; readonly error: SyncError; readonly record: InviteRecord | null };

const inviteCodePrefix = 'usync1-';
/** After so many wrong proofs an invite is void. */
export const wrongProofsMax = 5;
const addressesMax = 16;
const codeLengthMax = 4096;
const checksumBytes = 5;
const letters = 'abcdefghijklmnopqrstuvwxyz234567';

export function createInviteCode(content: InviteContent): string {
  const writer = createByteWriter(256);
  writer.byte(content.isPreApproved ? 1 : 0);
  writer.varint(Math.ceil(content.expiresAtMs / 1000));
  writer.raw(Buffer.from(content.fingerprint, 'hex'));
  writer.raw(Buffer.from(content.secret, 'hex'));
  const addresses = content.addresses.slice(0, addressesMax);
  writer.varint(addresses.length);
  for (const address of addresses) {
    writer.varint(Buffer.byteLength(address));
    writer.utf8(address);
  }
  writer.raw(checksumOf(writer.copy()));
  return inviteCodePrefix + toBase32(writer.copy());
}

/**
 * What a pasted code says; spaces, line breaks, dashes and capitals do no harm. Throws USYNC-1400 with what is wrong:
 * no code at all, mistyped, or expired.
 */
export function readInviteCode(text: string, nowMs: number): InviteContent {
  const content = decodeCode(text.replaceAll(/\s/g, '').toLowerCase());
  if (content.expiresAtMs > nowMs) return content;
  throw new SyncError('USYNC-1400', 'The invite code has expired.', {
    facts: { expiredAt: new Date(content.expiresAtMs).toISOString() },
  });
}

function decodeCode(code: string): InviteContent {
  if (!code.startsWith(inviteCodePrefix)) throw mistyped(`it does not begin with "${inviteCodePrefix}"`);
  const body = code.slice(inviteCodePrefix.length).replaceAll('-', '');
  const bytes = body.length <= codeLengthMax ? fromBase32(body) : null;
  if (!bytes || bytes.length <= checksumBytes) throw mistyped('it holds other characters or too few');
  const content = bytes.subarray(0, -checksumBytes);
  if (!Buffer.from(checksumOf(content)).equals(bytes.subarray(-checksumBytes))) throw mistyped('its checksum is wrong');
  try {
    return decodeContent(content);
  } catch (error) {
    throw new SyncError('USYNC-1400', 'The invite code was made by another version of Universal Sync.', {
      nextStep: 'Update both servers, then create a new code with "usync invite".',
      cause: error,
    });
  }
}

const mistyped = (what: string): SyncError =>
  new SyncError('USYNC-1400', `The invite code is not complete or mistyped: ${what}.`, {
    nextStep: 'Copy the whole code again, from "usync1-" to its end.',
  });

function decodeContent(bytes: Uint8Array): InviteContent {
  const reader = createByteReader(bytes);
  const flags = reader.byte();
  const expiresAtMs = reader.varint() * 1000;
  const fingerprint = Buffer.from(reader.take(32)).toString('hex');
  const secret = Buffer.from(reader.take(16)).toString('hex');
  const count = reader.count('addresses', addressesMax, 1);
  const addresses = Array.from({ length: count }, () => reader.utf8(reader.varint()));
  if (reader.left > 0 || flags > 1) throw new RangeError('unknown fields');
  return { addresses, fingerprint, secret, expiresAtMs, isPreApproved: flags === 1 };
}

export const inviteRecordOf = ({ secret, expiresAtMs, isPreApproved }: InviteContent): InviteRecord => ({
  invite: inviteOfSecret(secret),
  secret,
  expiresAtMs,
  isPreApproved,
  usedBy: null,
  wrongCount: 0,
});

/** What the joining server shows in its hello. */
export const createPairingProof = (secret: string, channel: PairingChannel): PairingProof => ({
  invite: inviteOfSecret(secret),
  proof: macOf(secret, channel),
});

/**
 * Judges a proof against the open invites. Every refusal is USYNC-1400 with what to do, and says no more to a guesser
 * than that the code is not valid; a wrong proof counts against its invite.
 */
export function judgePairingProof(options: {
  readonly records: readonly InviteRecord[];
  readonly pairing: PairingProof;
  readonly channel: PairingChannel;
  readonly nowMs: number;
}): ProofOutcome {
  const { pairing, channel, nowMs } = options;
  const record = options.records.find(({ invite }) => invite === pairing.invite);
  if (!record) return refused('The invite code is not known here: it was used, replaced, or made by another server.');
  if (record.wrongCount >= wrongProofsMax) return refused('The invite code was shown wrongly too often and is void.');
  if (!isSameMac(pairing.proof, macOf(record.secret, channel))) {
    return refused('The invite code is not valid.', { ...record, wrongCount: record.wrongCount + 1 });
  }
  // Only who knows the secret learns more.
  if (record.usedBy !== null && record.usedBy !== channel.joiner) return refused('The invite code was used already.');
  if (record.expiresAtMs <= nowMs) return refused('The invite code has expired.');
  return { kind: 'accepted', record: { ...record, usedBy: channel.joiner } };
}

function refused(text: string, record: InviteRecord | null = null): ProofOutcome {
  return { kind: 'refused', error: new SyncError('USYNC-1400', text), record };
}

const inviteOfSecret = (secret: string): string =>
  createHash('sha256').update('usync invite').update(Buffer.from(secret, 'hex')).digest('hex').slice(0, 16);

/** HMAC-SHA-256 with the secret over the channel's binding and both keys. All parts are of fixed size. */
const macOf = (secret: string, { binding, joiner, inviter }: PairingChannel): string =>
  createHmac('sha256', Buffer.from(secret, 'hex'))
    .update('usync pairing 1')
    .update(Buffer.from(binding, 'hex'))
    .update(Buffer.from(joiner, 'hex'))
    .update(Buffer.from(inviter, 'hex'))
    .digest('hex');

function isSameMac(shown: string, expected: string): boolean {
  const [a, b] = [Buffer.from(shown, 'hex'), Buffer.from(expected, 'hex')];
  return a.length === b.length && timingSafeEqual(a, b);
}

const checksumOf = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update('usync code').update(bytes).digest().subarray(0, checksumBytes);

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    for (; held >= 5; held -= 5) text += letters.charAt((bits >>> (held - 5)) & 31);
    bits &= 0xff;
  }
  return held > 0 ? text + letters.charAt((bits << (5 - held)) & 31) : text;
}

/** Null when a character is none of the alphabet. */
function fromBase32(text: string): Uint8Array | null {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const value = letters.indexOf(letter);
    if (value < 0) return null;
    bits = ((bits << 5) | value) & 0xfff;
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes.push((bits >>> held) & 0xff);
  }
  // The bits that fill the last character are zero, so that every code has one spelling.
  return held < 5 && (bits & ((1 << held) - 1)) === 0 ? Uint8Array.from(bytes) : null;
}

/**
 * Slows guessing at one invite: after wrong proofs it waits, twice as long each time, up to a minute. Other invites and
 * members are not concerned.
 */
export interface GuessGuard {
  /** Milliseconds to wait before the next proof is judged; 0: it may be judged at once. */
  waitMs(nowMs: number): number;
  wrong(nowMs: number): void;
}

const guessFreeCount = 3;
const guessWaitMaxMs = 60_000;

export function createGuessGuard(): GuessGuard {
  let wrongCount = 0;
  let untilMs = 0;
  return {
    waitMs: (nowMs) => Math.max(0, untilMs - nowMs),
    wrong(nowMs) {
      wrongCount++;
      if (wrongCount <= guessFreeCount) return;
      untilMs = nowMs + Math.min(guessWaitMaxMs, 1000 * 2 ** Math.min(wrongCount - guessFreeCount - 1, 10));
    },
  };
}
