import { webcrypto } from 'node:crypto';

/** SHA-256 of the bytes as they are at this moment, beside the work of this thread. */
export type HashAside = (bytes: Uint8Array) => Promise<Uint8Array>;

export const hashAside: HashAside = async (bytes) =>
  new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
