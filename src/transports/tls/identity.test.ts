/** Keys and certificates: what OpenSSL says of them, and that an identity stays what it is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isServerId } from '../../core/origin.js';
import { SyncError } from '../../core/sync-error.js';
import { serverIdOfFingerprint } from '../../protocol/server-id.js';
import { openDiskDataFiles } from '../../system/disk-data-files.js';
import { createRealSystem } from '../../system/real-system.js';
import { createIdentity, keyFileName, loadIdentity } from './identity.js';

const system = createRealSystem();
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'usync-identity-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the certificate is one that Node verifies with its own key', () => {
  const identity = createIdentity(system, 'pit wall');
  const certificate = new X509Certificate(identity.certificatePem);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.equal(certificate.subject, 'CN=pit wall');
  assert.ok(new Date(certificate.validTo).getUTCFullYear() === 9999);
});

test('OpenSSL verifies the certificate and prints it', { skip: !hasOpenssl }, async () => {
  await inFolder(async (folder) => {
    for (let i = 0; i < 5; i++) {
      const path = join(folder, 'certificate.pem');
      writeFileSync(path, createIdentity(system).certificatePem);
      const verified = spawnSync('openssl', ['verify', '-check_ss_sig', '-x509_strict', '-CAfile', path, path]);
      assert.equal(verified.status, 0, verified.stderr.toString());
      const printed = spawnSync('openssl', ['x509', '-in', path, '-noout', '-text']).stdout.toString();
      assert.match(printed, /Version: 3/);
      assert.match(printed, /ED25519/i);
      assert.match(printed, /Not After : Dec 31 23:59:59 9999 GMT/);
    }
  });
});

test('the server id is the first 80 bits of the fingerprint in base32', () => {
  const { fingerprint, server } = createIdentity(system);
  assert.ok(isServerId(server));
  assert.equal(server, serverIdOfFingerprint(fingerprint));
  assert.equal(serverIdOfFingerprint('00'.repeat(32)), 'a'.repeat(16));
  assert.equal(serverIdOfFingerprint('ff'.repeat(32)), '7'.repeat(16));
  assert.equal(serverIdOfFingerprint(`08421084210842108421${'0'.repeat(44)}`), 'b'.repeat(16));
});

test('an identity is made once, stays through restarts, and only its owner can read the key', async () => {
  await inFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, system);
    const first = await loadIdentity(files, system);
    assert.deepEqual(await loadIdentity(files, system), first);
    assert.equal(statSync(join(folder, keyFileName)).mode & 0o777, 0o600);
    await files.remove('certificate.pem');
    const second = await loadIdentity(files, system);
    assert.equal(second.fingerprint, first.fingerprint);
    assert.ok(second.certificatePem.length > 0);
  });
});

test('a key that cannot be read is an error, never a new identity', async () => {
  await inFolder(async (folder) => {
    const files = await openDiskDataFiles(folder, system);
    await loadIdentity(files, system);
    await files.write(keyFileName, 'damaged');
    await assert.rejects(
      loadIdentity(files, system),
      (error) => error instanceof SyncError && error.code === 'USYNC-1102',
    );
    assert.equal(await files.read(keyFileName), 'damaged');
  });
});
