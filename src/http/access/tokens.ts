import { randomHex } from '../../system/random.js';
import { lastUsedStepMs, tokensMax } from '../http-limits.js';
import { refused, unknown, type AccessPlace } from './access-place.js';
import type { TokenRecord, TokenScope } from './access-records.js';
import type { Caller } from './caller.js';
import { isEqualHash, newSecret, secretHash } from './secret.js';

export interface GivenToken {
  readonly name: string;
  readonly scope: TokenScope;
  readonly createdBy: string;
  readonly validMs: number | null;
}

export function callerOfToken({ store, system }: AccessPlace, secret: string, address: string): Caller {
  const hash = secretHash(secret);
  const nowMs = system.nowMs();
  const token = store.records.tokens.find((each) => isEqualHash(each.secretHash, hash));
  if (!token || (token.expiresAtMs !== null && token.expiresAtMs <= nowMs)) return { kind: 'nobody', address };
  if (nowMs - (token.lastUsedMs ?? 0) > lastUsedStepMs)
    store.note((all) => ({
      ...all,
      tokens: all.tokens.map((each) => (each.id === token.id ? { ...each, lastUsedMs: nowMs } : each)),
    }));
  return { kind: 'token', address, tokenId: token.id, name: token.name, scope: token.scope };
}

export async function addToken(
  { store, system }: AccessPlace,
  { validMs, ...given }: GivenToken,
): Promise<{ readonly token: TokenRecord; readonly secret: string }> {
  if (store.records.tokens.length >= tokensMax) throw refused(`There are ${tokensMax} tokens already.`);
  const secret = `usync_${newSecret(system)}`;
  const createdAtMs = system.nowMs();
  const token: TokenRecord = {
    id: randomHex(system, 8),
    ...given,
    secretHash: secretHash(secret),
    createdAtMs,
    expiresAtMs: validMs === null ? null : createdAtMs + validMs,
    lastUsedMs: null,
  };
  await store.change((all) => ({ ...all, tokens: [...all.tokens, token] }));
  return { token, secret };
}

export async function removeToken({ store }: AccessPlace, id: string): Promise<TokenRecord> {
  const token = store.records.tokens.find((each) => each.id === id);
  if (!token) throw unknown('token', id);
  await store.change((all) => ({ ...all, tokens: all.tokens.filter((each) => each.id !== id) }));
  return token;
}
