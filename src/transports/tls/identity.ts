import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import type { ServerId } from '../../core/origin.js';
import { errorMessageOf, SyncError } from '../../core/sync-error.js';
import { serverIdOfFingerprint } from '../../protocol/server-id.js';
import type { DataFiles } from '../../system/data-files.js';
import type { System } from '../../system/system.js';
import { createCertificate } from './certificate.js';

/** Who this server is: its key pair, kept in its data folder, and what follows from it. */
export interface Identity {
  readonly server: ServerId;
  /** SHA-256 of the public key (SPKI), lower-case hex: what others pin. */
  readonly fingerprint: string;
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

export const keyFileName = 'key.pem';
const certificateFileName = 'certificate.pem';

/** A new key pair with its certificate; nothing is written. */
export function createIdentity(system: System, name = 'universal-sync'): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const certificatePem = createCertificate({ privateKey, publicKey, name, serial: system.randomBytes(16) });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return identityOf(privateKeyPem, certificatePem, publicKey);
}

/**
 * The identity in the data folder; made at the first start. The key alone decides: a missing or foreign certificate is
 * made again. Throws USYNC-1102 when the key cannot be read, rather than become another server.
 */
export async function loadIdentity(files: DataFiles, system: System): Promise<Identity> {
  const privateKeyPem = await files.read(keyFileName);
  if (privateKeyPem === null) {
    const identity = createIdentity(system);
    await files.write(certificateFileName, identity.certificatePem);
    await files.write(keyFileName, identity.privateKeyPem);
    return identity;
  }
  const { privateKey, publicKey } = readKey(privateKeyPem, files.path(keyFileName));
  const stored = await files.read(certificateFileName);
  if (stored !== null && isCertificateOf(stored, publicKey)) return identityOf(privateKeyPem, stored, publicKey);
  const serial = system.randomBytes(16);
  const certificatePem = createCertificate({ privateKey, publicKey, name: 'universal-sync', serial });
  await files.write(certificateFileName, certificatePem);
  return identityOf(privateKeyPem, certificatePem, publicKey);
}

/** SHA-256 of the SPKI of a key, lower-case hex. */
export const fingerprintOfKey = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');

function identityOf(privateKeyPem: string, certificatePem: string, publicKey: KeyObject): Identity {
  const fingerprint = fingerprintOfKey(publicKey);
  return { server: serverIdOfFingerprint(fingerprint), fingerprint, privateKeyPem, certificatePem };
}

function readKey(pem: string, path: string): { privateKey: KeyObject; publicKey: KeyObject } {
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType === 'ed25519') return { privateKey, publicKey: createPublicKey(privateKey) };
    throw new Error(`it is a key of type ${privateKey.asymmetricKeyType}`);
  } catch (error) {
    throw new SyncError('USYNC-1102', `The key of this server in ${path} cannot be read: ${errorMessageOf(error)}.`, {
      facts: { path },
      nextStep: 'Restore the file from a backup, or run "usync init --new-identity" and join again.',
      cause: error,
    });
  }
}

function isCertificateOf(pem: string, publicKey: KeyObject): boolean {
  try {
    return fingerprintOfKey(new X509Certificate(pem).publicKey) === fingerprintOfKey(publicKey);
  } catch {
    return false;
  }
}
