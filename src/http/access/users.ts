import { randomHex } from '../../system/random.js';
import type { Role } from '../contract/route.js';
import { usersMax } from '../http-limits.js';
import { refused, unknown, type AccessPlace } from './access-place.js';
import type { UserRecord } from './access-records.js';
import { hashPassword } from './password.js';

export interface GivenUser {
  readonly name: string;
  readonly password: string;
  readonly role: Role;
}

export interface UserChanges {
  readonly role?: Role | undefined;
  readonly password?: string | undefined;
  readonly isDisabled?: boolean | undefined;
}

export async function addUser(
  { store, system, passwordCostBits }: AccessPlace,
  { name, password, role }: GivenUser,
): Promise<UserRecord> {
  const passwordHash = await hashPassword(password, passwordCostBits);
  const { users } = store.records;
  if (users.length >= usersMax) throw refused(`There are ${usersMax} users already.`);
  if (users.some((each) => each.name.toLowerCase() === name.toLowerCase()))
    throw refused(`There is a user "${name}" already.`);
  const user: UserRecord = {
    id: randomHex(system, 8),
    name,
    role,
    passwordHash,
    isDisabled: false,
    createdAtMs: system.nowMs(),
    lastLoginMs: null,
  };
  await store.change((all) => ({ ...all, users: [...all.users, user] }));
  return user;
}

/** A changed password or a disabled user ends the sessions. */
export async function changeUser(
  { store, passwordCostBits }: AccessPlace,
  id: string,
  { role, password, isDisabled }: UserChanges,
): Promise<UserRecord> {
  const passwordHash = password === undefined ? undefined : await hashPassword(password, passwordCostBits);
  const user = store.records.users.find((each) => each.id === id);
  if (!user) throw unknown('user', id);
  const changed: UserRecord = {
    ...user,
    ...(role !== undefined && { role }),
    ...(isDisabled !== undefined && { isDisabled }),
    ...(passwordHash !== undefined && { passwordHash }),
  };
  refuseLastAdmin(
    store.records.users,
    store.records.users.map((each) => (each.id === id ? changed : each)),
  );
  const endsSessions = passwordHash !== undefined || changed.isDisabled;
  await store.change((all) => ({
    ...all,
    users: all.users.map((each) => (each.id === id ? changed : each)),
    sessions: endsSessions ? all.sessions.filter(({ userId }) => userId !== id) : all.sessions,
  }));
  return changed;
}

export async function removeUser({ store }: AccessPlace, id: string): Promise<UserRecord> {
  const user = store.records.users.find((each) => each.id === id);
  if (!user) throw unknown('user', id);
  refuseLastAdmin(
    store.records.users,
    store.records.users.filter((each) => each.id !== id),
  );
  await store.change((all) => ({
    ...all,
    users: all.users.filter((each) => each.id !== id),
    sessions: all.sessions.filter(({ userId }) => userId !== id),
  }));
  return user;
}

const isAdmin = ({ role, isDisabled }: UserRecord): boolean => role === 'admin' && !isDisabled;

function refuseLastAdmin(before: readonly UserRecord[], after: readonly UserRecord[]): void {
  if (before.some(isAdmin) && !after.some(isAdmin)) throw refused('This is the last admin.');
}
