import { SyncError } from '../../core/sync-error.js';
import { unknown, type AccessPlace } from './access-place.js';
import type { UserRecord } from './access-records.js';
import { hashPassword, isPassword } from './password.js';
import { networkOf } from '../../system/network-of.js';
import { openSession, type OpenedSession } from './sessions.js';

export interface GivenLogin {
  readonly name: string;
  readonly password: string;
  readonly address: string;
  readonly agent: string;
}

export interface PasswordChange {
  readonly userId: string;
  readonly sessionId: string;
  readonly current: string;
  readonly password: string;
  readonly address: string;
}

/** Throws USYNC-1903 or USYNC-1904. */
export async function logIn(place: AccessPlace, given: GivenLogin): Promise<OpenedSession> {
  return openSession(place, await checkPassword(place, given), given);
}

/** Ends all other sessions of this user. */
export async function changePassword(place: AccessPlace, given: PasswordChange): Promise<void> {
  const { store, passwordCostBits } = place;
  const user = store.records.users.find(({ id }) => id === given.userId);
  if (!user) throw unknown('user', given.userId);
  await checkPassword(place, { name: user.name, password: given.current, address: given.address });
  const passwordHash = await hashPassword(given.password, passwordCostBits);
  await store.change((all) => ({
    ...all,
    users: all.users.map((each) => (each.id === user.id ? { ...each, passwordHash } : each)),
    sessions: all.sessions.filter(({ userId, id }) => userId !== user.id || id === given.sessionId),
  }));
}

function guardKeys({ name, address }: { readonly name: string; readonly address: string }): string[] {
  return [`address ${networkOf(address)}`, `name ${name.slice(0, 200).toLowerCase()}`];
}

/** Throws while the address or the name has to wait; a wrong password counts. */
async function checkPassword(
  place: AccessPlace,
  given: Pick<GivenLogin, 'name' | 'password' | 'address'>,
): Promise<UserRecord> {
  const { store, guard, system, passwordCostBits } = place;
  const keys = guardKeys(given);
  const waitMs = guard.waitMs(keys, system.monotonicMs());
  if (waitMs > 0)
    throw new SyncError('USYNC-1904', `Too many failed attempts; try again in ${Math.ceil(waitMs / 1_000)} s.`, {
      facts: { waitMs: Math.ceil(waitMs) },
    });
  // Counted before the slow hash, so that attempts at the same time do not slip through.
  guard.failed(keys, system.monotonicMs());
  const user = store.records.users.find(({ name }) => name === given.name);
  const isRight = await isPassword(given.password, user?.passwordHash ?? null, passwordCostBits);
  if (!user || user.isDisabled || !isRight) {
    place.failures.count += 1;
    if (store.records.users.length === 0) throw new SyncError('USYNC-1901', 'This server has no user yet.');
    throw new SyncError('USYNC-1903', 'Name and password do not fit.');
  }
  guard.succeeded(keys);
  return user;
}
