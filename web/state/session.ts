import { computed, signal } from '@preact/signals';
import type { Session as SessionInfo } from '../../src/http/contract/access-routes.js';
import type { Role } from '../../src/http/contract/route.js';
import { call, whenSignedOut } from '../api/call.js';
import { failureOf, type FailureFacts } from '../api/failure.js';
import { go, pathTo, route } from './route.js';

/** `asking`: not known yet. `signed-out` tells apart who never was in from whose session ended. */
export type Session =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unreachable'; readonly failure: FailureFacts }
  | { readonly kind: 'no-users' }
  | { readonly kind: 'signed-out'; readonly why: 'not-yet' | 'expired' | 'left' }
  | { readonly kind: 'signed-in'; readonly info: SessionInfo };

/** The code of an answer that says: nobody was set up here yet. */
const noUsersCode = 'USYNC-1901';

export const session = signal<Session>({ kind: 'asking' });

const role = computed<Role | null>(() => (session.value.kind === 'signed-in' ? session.value.info.user.role : null));
const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether who is signed in may do what needs this role. The server decides; this only spares a press that fails. */
export const may = (needed: Role): boolean => role.value !== null && rank[role.value] >= rank[needed];

/** Why a button cannot be pressed for lack of a role; null when it can. */
export const roleObstacle = (needed: Role): string | null =>
  may(needed) ? null : `This needs the role ${needed}. Ask an admin for it.`;

export async function findSession(): Promise<void> {
  try {
    signIn(await call('getSession', {}));
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === noUsersCode) session.value = { kind: 'no-users' };
    else if (failure.kind !== 'signed-out') {
      // Whoever is signed in goes on seeing what was there; the live connection tells that it is old.
      if (session.value.kind !== 'signed-in') session.value = { kind: 'unreachable', failure };
    } else if (session.value.kind === 'asking' || session.value.kind === 'unreachable')
      session.value = { kind: 'signed-out', why: 'not-yet' };
  }
}

export function signIn(info: SessionInfo): void {
  session.value = { kind: 'signed-in', info };
  // The address holds the secret of the set-up link; it is used up now.
  if (route.value.parts[0] === 'setup') go(pathTo([]), { replace: true });
}

export async function signOut(): Promise<void> {
  await call('logOut', {});
  session.value = { kind: 'signed-out', why: 'left' };
}

whenSignedOut(() => {
  if (session.value.kind === 'signed-in') session.value = { kind: 'signed-out', why: 'expired' };
});
