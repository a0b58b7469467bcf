/** Invite codes: what a person may do to them, and what somebody who wants in without one may not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import {
  createGuessGuard,
  createInviteCode,
  createPairingProof,
  inviteRecordOf,
  judgePairingProof,
  readInviteCode,
  wrongProofsMax,
  type InviteContent,
  type InviteRecord,
} from './pairing.js';

const nowMs = Date.UTC(2026, 0, 1);
const content: InviteContent = {
  addresses: ['192.168.1.20:7373', '[fe80::1]:7373', 'größe.example:1'],
  fingerprint: 'ab'.repeat(32),
  secret: '0123456789abcdef'.repeat(2),
  expiresAtMs: nowMs + 60_000,
  isPreApproved: true,
};
const channel = { binding: '11'.repeat(32), joiner: '22'.repeat(32), inviter: content.fingerprint };
const record = inviteRecordOf(content);

const is1400 = (pattern: RegExp) => (error: unknown) =>
  error instanceof SyncError &&
  error.code === 'USYNC-1400' &&
  pattern.test(error.message) &&
  error.nextStep.length > 10;

const judge = (change: Partial<Parameters<typeof judgePairingProof>[0]> = {}): ReturnType<typeof judgePairingProof> =>
  judgePairingProof({
    records: [record],
    pairing: createPairingProof(content.secret, channel),
    channel,
    nowMs,
    ...change,
  });

test('a code says what was put in, however it was pasted', () => {
  const code = createInviteCode(content);
  assert.match(code, /^usync1-[a-z2-7]+$/);
  assert.deepEqual(readInviteCode(code, nowMs), content);
  const broken = `  ${code
    .toUpperCase()
    .match(/.{1,30}/g)
    ?.join('\n  ')}\n`;
  assert.deepEqual(readInviteCode(broken, nowMs), content);
  const bare = { ...content, addresses: [], isPreApproved: false };
  assert.deepEqual(readInviteCode(createInviteCode(bare), nowMs), bare);
});

test('every single wrong, missing or exchanged character is noticed', () => {
  const code = createInviteCode(content);
  for (let at = 0; at < code.length; at++) {
    const other = code[at] === 'q' ? 'r' : 'q';
    assert.throws(() => readInviteCode(code.slice(0, at) + other + code.slice(at + 1), nowMs), is1400(/mistyped/));
    if (code.slice(at + 1, at + 2) !== code[at] && code[at] !== '-' && at < code.length - 1) {
      assert.throws(() => readInviteCode(code.slice(0, at) + code.slice(at + 1), nowMs), is1400(/mistyped/));
    }
  }
  for (const text of ['', 'usync1-', 'hello', code.slice(0, 40), `usync1-${'a'.repeat(100_000)}`]) {
    assert.throws(() => readInviteCode(text, nowMs), is1400(/mistyped/));
  }
});

test('an expired code is refused on both sides', () => {
  assert.throws(() => readInviteCode(createInviteCode(content), nowMs + 61_000), is1400(/expired/));
  const outcome = judge({ nowMs: nowMs + 61_000 });
  assert.ok(outcome.kind === 'refused' && is1400(/expired/)(outcome.error));
});

test('the right proof is accepted; a second server with the same code is not, the same one is', () => {
  const first = judge();
  assert.ok(first.kind === 'accepted');
  assert.equal(first.record.usedBy, channel.joiner);
  assert.equal(judge({ records: [first.record] }).kind, 'accepted');
  const other = { ...channel, joiner: '33'.repeat(32) };
  const second = judge({
    records: [first.record],
    channel: other,
    pairing: createPairingProof(content.secret, other),
  });
  assert.ok(second.kind === 'refused' && is1400(/used already/)(second.error));
});

test('a proof is worth nothing on another channel, from another key, or to another inviter', () => {
  const pairing = createPairingProof(content.secret, channel);
  for (const change of [{ binding: '12'.repeat(32) }, { joiner: '33'.repeat(32) }, { inviter: '44'.repeat(32) }]) {
    const outcome = judge({ pairing, channel: { ...channel, ...change } });
    assert.ok(outcome.kind === 'refused' && is1400(/not valid/)(outcome.error));
    assert.equal(outcome.record?.wrongCount, 1);
  }
});

test('an invite is void after a few wrong proofs, even for who knows its secret', () => {
  let kept: InviteRecord = record;
  for (let i = 0; i < wrongProofsMax; i++) {
    const outcome = judge({ records: [kept], pairing: { invite: record.invite, proof: '00'.repeat(32) } });
    assert.ok(outcome.kind === 'refused' && outcome.record);
    kept = outcome.record;
  }
  const outcome = judge({ records: [kept] });
  assert.ok(outcome.kind === 'refused' && is1400(/void/)(outcome.error));
});

test('an unknown invite is refused', () => {
  const outcome = judge({ records: [] });
  assert.ok(outcome.kind === 'refused' && is1400(/not known/)(outcome.error));
});

test('guessing gets slower', () => {
  const guard = createGuessGuard();
  for (let i = 0; i < 3; i++) guard.wrong(0);
  assert.equal(guard.waitMs(0), 0);
  guard.wrong(0);
  assert.equal(guard.waitMs(0), 1000);
  for (let i = 0; i < 20; i++) guard.wrong(0);
  assert.equal(guard.waitMs(0), 60_000);
  assert.equal(guard.waitMs(60_000), 0);
});
