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
import { bindingOf, openInvites, type ProofVerdict } from './invites.js';
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

test('a wall clock that is set back after wrong codes shuts nobody out for longer', async (context) => {
  const folder = folderOf(context);
  const virtual = createVirtualSystem();
  let offsetMs = 0;
  const system: System = { ...virtual, nowMs: () => virtual.nowMs() + offsetMs };
  const invites = await openInvites({ files: await openDiskDataFiles(folder, system), system, fingerprint });
  const { code } = await invites.create({}, place);
  const [channel] = createMemoryLink({ system }).channels;
  const { secret } = readInviteCode(code, system.nowMs());
  const ends = { binding: bindingOf(channel), joiner: channel.peerFingerprint, inviter: fingerprint };
  const show = (shown: string): Promise<ProofVerdict> =>
    invites.check({ pairing: createPairingProof(shown, ends), channel, isUsed: true });
  for (let i = 0; i < 6; i++) await show('00'.repeat(16));
  offsetMs = -3_600_000;
  assert.deepEqual((await show(secret)).kind, 'refused', 'guessing is slowed down');
  await virtual.run(60_000);
  assert.deepEqual(await show(secret), { kind: 'accepted', isPreApproved: true });
});
