import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createVirtualSystem } from '../../test/model-replica/virtual-system.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import { createRealSystem } from '../system/real-system.js';
import type { System } from '../system/system.js';
import { createMemoryLink } from '../transports/memory/memory-link.js';
import { bindingOf, openInvites, type Invites, type ProofVerdict, type ShownProof } from './invites.js';
import { createPairingProof, readInviteCode } from './pairing.js';

const fingerprint = 'ab'.repeat(32);
const place = { addresses: [], fingerprint };

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'usync-invites-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('codes that are made and revoked at once are, or are not, there after a restart', async (context) => {
  const system = createRealSystem();
  const files = await openDiskDataFiles(folderOf(context), system);
  const invites = await openInvites({ files, system, fingerprint });
  for (let round = 0; round < 10; round++) {
    const made = await Promise.all([1, 2, 3, 4].map(() => invites.create({}, place)));
    const [first, ...others] = made;
    await Promise.all([invites.create({}, place), invites.revoke(first?.id ?? ''), invites.create({}, place)]);
    const after = (await openInvites({ files, system, fingerprint })).list();
    assert.deepEqual(after, invites.list());
    for (const { id } of others) await invites.revoke(id);
    for (const { id } of invites.list()) await invites.revoke(id);
  }
});

interface Shown {
  readonly invites: Invites;
  readonly system: System;
  /** `by` is the key of who shows it. */
  readonly show: (code: string, by?: string) => Promise<ProofVerdict>;
  readonly showWrongly: (code: string) => Promise<ProofVerdict>;
  readonly newCode: () => Promise<string>;
}

const inviter = 'ab'.repeat(32);

async function invitesOn(context: TestContext, system: System): Promise<Shown> {
  const folder = mkdtempSync(join(tmpdir(), 'usync-invites-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = await openDiskDataFiles(folder, system);
  const invites = await openInvites({ files, system, fingerprint: inviter });
  const proofOf = (code: string, by: string): ShownProof => {
    const [channel] = createMemoryLink({ system, fingerprints: [inviter, by] }).channels;
    const { secret } = readInviteCode(code, system.nowMs());
    const pairing = createPairingProof(secret, { binding: bindingOf(channel), joiner: by, inviter });
    return { pairing, channel, isUsed: true };
  };
  return {
    invites,
    system,
    show: (code, by = 'cd'.repeat(32)) => invites.check(proofOf(code, by)),
    showWrongly: (code) => {
      const shown = proofOf(code, 'cd'.repeat(32));
      return invites.check({ ...shown, pairing: { ...shown.pairing, proof: '00'.repeat(32) } });
    },
    newCode: async () => (await invites.create({}, { addresses: [], fingerprint: inviter })).code,
  };
}

test('a wall clock that is set back after wrong codes shuts nobody out for longer', async (context) => {
  const virtual = createVirtualSystem();
  let offsetMs = 0;
  const { show, showWrongly, newCode } = await invitesOn(context, {
    ...virtual,
    nowMs: () => virtual.nowMs() + offsetMs,
  });
  const code = await newCode();
  for (let i = 0; i < 4; i++) await showWrongly(code);
  offsetMs = -3_600_000;
  assert.deepEqual((await show(code)).kind, 'refused', 'guessing is slowed down');
  await virtual.run(60_000);
  assert.equal((await show(code)).kind, 'accepted');
});

test('codes that are not known here make nobody wait', async (context) => {
  const { show, newCode, invites } = await invitesOn(context, createVirtualSystem());
  const foreign = await newCode();
  const { id } = invites.list()[0] ?? assert.fail();
  await invites.revoke(id);
  const code = await newCode();
  for (let i = 0; i < 20; i++) assert.equal((await show(foreign)).kind, 'refused');
  assert.equal((await show(code)).kind, 'accepted');
});

test('wrong proofs of one code, and tries with a used one, slow no other code', async (context) => {
  const { show, showWrongly, newCode } = await invitesOn(context, createVirtualSystem());
  const [used, wrong, right] = [await newCode(), await newCode(), await newCode()];
  assert.equal((await show(used, '11'.repeat(32))).kind, 'accepted');
  for (let i = 0; i < 20; i++) assert.equal((await show(used)).kind, 'refused');
  for (let i = 0; i < 4; i++) await showWrongly(wrong);
  assert.equal((await show(wrong)).kind, 'refused', 'the one that was guessed at waits');
  assert.equal((await show(right)).kind, 'accepted');
});
