import { createHash, sign, type KeyObject } from 'node:crypto';
import {
  derBits,
  derBoolean,
  derInteger,
  derObjectId,
  derOctets,
  derSequence,
  derSet,
  derTagged,
  derText,
  derTime,
} from './der.js';

export interface CertificateOptions {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** What tools show; nothing is decided by it. */
  readonly name: string;
  readonly serial: Uint8Array;
}

const ed25519 = derSequence(derObjectId('1.3.101.112'));

/**
 * A self-signed X.509 v3 certificate for an Ed25519 key, as PEM. It carries the key and says nothing else: trust comes
 * from the pinned key alone, so it never expires and does not depend on anybody's clock.
 */
export function createCertificate({ privateKey, publicKey, name, serial }: CertificateOptions): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // The first bit is cleared, as a serial number is positive; of at most 20 bytes.
  const serialBytes = Uint8Array.from(serial.subarray(0, 20), (byte, at) => (at === 0 ? (byte & 0x7f) | 0x40 : byte));
  const who = derSequence(derSet(derSequence(derObjectId('2.5.4.3'), derText(name.slice(0, 64)))));
  const body = derSequence(
    derTagged(0, derInteger(Uint8Array.of(2))),
    derInteger(serialBytes),
    ed25519,
    who,
    derSequence(derTime('20200101000000'), derTime('99991231235959')),
    who,
    spki,
    derTagged(3, extensions(spki)),
  );
  const der = derSequence(body, ed25519, derBits(sign(null, body, privateKey)));
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensions(spki: Uint8Array): Uint8Array {
  const keyId = createHash('sha1').update(spki).digest();
  return derSequence(
    extension('2.5.29.14', derOctets(keyId)),
    // It signs itself, so it is a certificate authority of one.
    extension('2.5.29.19', derSequence(derBoolean(true)), true),
    // digitalSignature and keyCertSign.
    extension('2.5.29.15', derBits(Uint8Array.of(0x84), 2), true),
    extension('2.5.29.37', derSequence(derObjectId('1.3.6.1.5.5.7.3.1'), derObjectId('1.3.6.1.5.5.7.3.2'))),
  );
}

const extension = (id: string, value: Uint8Array, isCritical = false): Uint8Array =>
  derSequence(derObjectId(id), ...(isCritical ? [derBoolean(true)] : []), derOctets(value));
