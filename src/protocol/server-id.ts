import type { ServerId } from '../core/origin.js';

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The id of the server with this key: the first 80 bits of the fingerprint (SHA-256 of its SPKI, hex) in base32. Who
 * accepts a peer compares it with the id that the peer's hello claims: a key cannot speak for another id.
 */
export function serverIdOfFingerprint(fingerprint: string): ServerId {
  let bits = 0;
  let held = 0;
  let id = '';
  for (let at = 0; at < 20; at += 2) {
    bits = (bits << 8) | Number.parseInt(fingerprint.slice(at, at + 2), 16);
    held += 8;
    while (held >= 5) {
      held -= 5;
      id += letters.charAt((bits >>> held) & 31);
    }
    bits &= (1 << held) - 1;
  }
  return id as ServerId;
}
