import type { System } from './system.js';

export const randomHex = (system: System, bytes: number): string =>
  Buffer.from(system.randomBytes(bytes)).toString('hex');

/** Between 0 (included) and 1 (not included), with 32 bits. */
export function randomFraction(system: System): number {
  return Buffer.from(system.randomBytes(4)).readUInt32LE(0) / 2 ** 32;
}
