import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVirtualSystem } from '../../test/model-replica/virtual-system.js';
import { openDiskDataFiles } from '../system/disk-data-files.js';
import type { System } from '../system/system.js';
import { createMemoryLink } from '../transports/memory/memory-link.js';
import { bindingOf, openInvites, type ProofVerdict } from './invites.js';
import { createPairingProof, readInviteCode } from './pairing.js';

test('a wall clock that is set back after wrong codes shuts nobody out for longer', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'usync-invites-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const virtual = createVirtualSystem();
  let offsetMs = 0;
  const system: System = { ...virtual, nowMs: () => virtual.nowMs() + offsetMs };
  const fingerprint = 'ab'.repeat(32);
  const invites = await openInvites({ files: await openDiskDataFiles(folder, system), system, fingerprint });
  const { code } = await invites.create({}, { addresses: [], fingerprint });
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
