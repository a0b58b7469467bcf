import { createHash, timingSafeEqual } from 'node:crypto';
import type { System } from '../../system/system.js';

/** 256 random bits in base64url: of a session, a token, a set-up link. */
export const newSecret = (system: System): string => Buffer.from(system.randomBytes(32)).toString('base64url');

/** What is kept of a secret. It has 256 random bits, so a plain hash is enough. */
export const secretHash = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

export const isEqualHash = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
