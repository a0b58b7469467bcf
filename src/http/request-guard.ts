/** What is looked at before a request is answered: its host, who sends it, and that it is the page's own or a token's. */
import { SyncError } from '../core/sync-error.js';
import type { Access } from './access/access.js';
import { mayCall, nameOfCaller, rightOf, type Caller } from './access/caller.js';
import type { Route } from './contract/route.js';

export interface RequestFacts {
  readonly headers: Headers;
  readonly address: string;
  readonly method: string;
}

/** The header that a page of another origin cannot send without being asked about it first. */
const pageHeader = 'x-usync-request';
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** A token wins over a cookie. A wrong token is nobody, also beside a right cookie. */
export function callerOf({ headers, address }: RequestFacts, access: Access, cookieName: string): Caller {
  const authorization = headers.get('authorization');
  if (authorization !== null) {
    const [, secret] = /^Bearer ([A-Za-z0-9_-]{1,200})$/i.exec(authorization) ?? [];
    return secret === undefined ? { kind: 'nobody', address } : access.byToken(secret, address);
  }
  const secret = cookieOf(headers.get('cookie') ?? '', cookieName);
  return secret === null ? { kind: 'nobody', address } : access.bySession(secret, address);
}

function cookieOf(header: string, name: string): string | null {
  for (const part of header.slice(0, 8_192).split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/** Throws USYNC-1900, -1901 or -1902. */
export function requireRight(caller: Caller, { access: needed }: Route, access: Access): void {
  if (mayCall(caller, needed)) return;
  if (caller.kind !== 'nobody')
    throw new SyncError(
      'USYNC-1902',
      `This needs the role ${needed}; ${nameOfCaller(caller)} has ${rightOf(caller) ?? 'none'}.`,
    );
  if (!access.hasUsers()) throw new SyncError('USYNC-1901', 'This server has no user yet.');
  throw new SyncError('USYNC-1900', 'Nobody is signed in.');
}

/**
 * Throws USYNC-1905 for a request that another site may have caused. A token is sent by programs on purpose, so it needs
 * none of this; a cookie is sent by a browser whoever asks.
 */
export function requireOwnPage({ headers, method }: RequestFacts, caller: Caller): void {
  if (caller.kind === 'token') return;
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin' && !(site === 'none' && safeMethods.has(method)))
    throw new SyncError('USYNC-1905', 'The request comes from another site.');
  if (safeMethods.has(method)) return;
  const origin = headers.get('origin');
  if (origin !== null && hostOf(origin) !== headers.get('host')?.toLowerCase())
    throw new SyncError('USYNC-1905', 'The request comes from another origin.');
  if (!headers.has(pageHeader))
    throw new SyncError('USYNC-1905', `The header ${pageHeader} is missing.`, {
      nextStep:
        "Send it, with any value: curl -H 'X-Usync-Request: 1'. Once a user is set up, programs send a token instead: docs/api.md shows both.",
    });
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host.toLowerCase();
  } catch {
    return null;
  }
}
