/** Who may in: users with passwords and sessions, programs with tokens, the first one by a set-up link. */
import { timingSafeEqual } from 'node:crypto';
import { SyncError } from '../../core/sync-error.js';
import type { DataFiles } from '../../system/data-files.js';
import { randomHex } from '../../system/random.js';
import type { System } from '../../system/system.js';
import type { Role } from '../contract/route.js';
import {
  lastUsedStepMs,
  sessionAbsoluteMs,
  sessionIdleMs,
  sessionsPerUserMax,
  tokensMax,
  usersMax,
} from '../http-limits.js';
import type { AccessRecords, SessionRecord, TokenRecord, TokenScope, UserRecord } from './access-records.js';
import { openAccessStore, type AccessStore } from './access-store.js';
import type { Caller } from './caller.js';
import { createLoginGuard } from './login-guard.js';
import { hashPassword, isPassword } from './password.js';
import { newSecret, secretHash } from './secret.js';
import { isSetupToken, voidSetupToken } from './setup-link.js';

export interface Access {
  readonly records: AccessRecords;
  hasUsers(): boolean;
  loginFailures(): number;
  /** By the secret of a cookie; nobody when it is unknown or has expired. */
  bySession(secret: string, address: string): Caller;
  byToken(secret: string, address: string): Caller;
  /** Throws USYNC-1903 or USYNC-1904. */
  logIn(given: GivenLogin): Promise<OpenedSession>;
  /** Makes an admin by the one-time token; a user of that name gets the password and becomes one. */
  setUp(given: GivenLogin & { readonly token: string }): Promise<OpenedSession>;
  endSessions(isEnded: (session: SessionRecord) => boolean): Promise<number>;
  addUser(given: { readonly name: string; readonly password: string; readonly role: Role }): Promise<UserRecord>;
  changeUser(id: string, changes: UserChanges): Promise<UserRecord>;
  removeUser(id: string): Promise<UserRecord>;
  changePassword(given: PasswordChange): Promise<void>;
  addToken(given: GivenToken): Promise<{ readonly token: TokenRecord; readonly secret: string }>;
  removeToken(id: string): Promise<TokenRecord>;
  flush(): Promise<void>;
}

export interface GivenLogin {
  readonly name: string;
  readonly password: string;
  readonly address: string;
  readonly agent: string;
}

export interface OpenedSession {
  readonly user: UserRecord;
  readonly session: SessionRecord;
  /** For the cookie; kept nowhere. */
  readonly secret: string;
}

export interface UserChanges {
  readonly role?: Role | undefined;
  readonly password?: string | undefined;
  readonly isDisabled?: boolean | undefined;
}

export interface PasswordChange {
  readonly userId: string;
  readonly sessionId: string;
  readonly current: string;
  readonly password: string;
  readonly address: string;
}

export interface GivenToken {
  readonly name: string;
  readonly scope: TokenScope;
  readonly createdBy: string;
  readonly validMs: number | null;
}

export interface AccessOptions {
  readonly files: DataFiles;
  readonly setupFiles: DataFiles;
  readonly system: System;
  /** log2 of the cost of a password's hash; the default where absent. */
  readonly passwordCostBits?: number | undefined;
}

export const sessionEndMs = ({ createdAtMs, lastUsedMs }: SessionRecord): number =>
  Math.min(createdAtMs + sessionAbsoluteMs, lastUsedMs + sessionIdleMs);

export async function openAccess(options: AccessOptions): Promise<Access> {
  const store = await openAccessStore(options.files);
  const guard = createLoginGuard();
  const { system } = options;
  const place: Place = { ...options, store, guard, failures: { count: 0 }, settingUp: Promise.resolve() };
  return {
    get records() {
      return store.records;
    },
    hasUsers: () => store.records.users.some(({ isDisabled }) => !isDisabled),
    loginFailures: () => place.failures.count,
    bySession: (secret, address) => callerOfSession(place, secret, address),
    byToken: (secret, address) => callerOfToken(place, secret, address),
    logIn: (given) => logIn(place, given),
    setUp: (given) => setUp(place, given),
    async endSessions(isEnded) {
      const ended = store.records.sessions.filter(isEnded).length;
      if (ended > 0) await store.change((all) => ({ ...all, sessions: all.sessions.filter((each) => !isEnded(each)) }));
      return ended;
    },
    addUser: (given) => addUser(place, given),
    changeUser: (id, changes) => changeUser(place, id, changes),
    removeUser: (id) => removeUser(place, id),
    changePassword: (given) => changePassword(place, given),
    async addToken({ validMs, ...given }) {
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
    },
    async removeToken(id) {
      const token = store.records.tokens.find((each) => each.id === id);
      if (!token) throw unknown('token', id);
      await store.change((all) => ({ ...all, tokens: all.tokens.filter((each) => each.id !== id) }));
      return token;
    },
    flush: () => store.flush(),
  };
}

interface Place extends AccessOptions {
  readonly store: AccessStore;
  readonly guard: ReturnType<typeof createLoginGuard>;
  /** Wrong passwords and set-up links since the start. */
  readonly failures: { count: number };
  /** One set-up after the other: a token lets one in. */
  settingUp: Promise<unknown>;
}

const refused = (text: string): SyncError => new SyncError('USYNC-1913', text);
const unknown = (what: string, id: string): SyncError => new SyncError('USYNC-1908', `There is no ${what} ${id}.`);

const isEqualHash = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function callerOfSession({ store, system }: Place, secret: string, address: string): Caller {
  const hash = secretHash(secret);
  const nowMs = system.nowMs();
  const session = store.records.sessions.find((each) => isEqualHash(each.secretHash, hash));
  const user = store.records.users.find(({ id }) => id === session?.userId);
  // A clock that was set back must not make a session last for ever.
  if (!session || !user || user.isDisabled || sessionEndMs(session) <= nowMs || session.createdAtMs > nowMs + 60_000)
    return { kind: 'nobody', address };
  if (nowMs - session.lastUsedMs > lastUsedStepMs)
    store.note((all) => ({
      ...all,
      sessions: all.sessions.map((each) => (each.id === session.id ? { ...each, lastUsedMs: nowMs } : each)),
    }));
  const { id: userId, name, role } = user;
  return { kind: 'user', address, userId, sessionId: session.id, name, role };
}

function callerOfToken({ store, system }: Place, secret: string, address: string): Caller {
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

function guardKeys({ name, address }: { readonly name: string; readonly address: string }): string[] {
  return [`address ${address}`, `name ${name.slice(0, 200)}`];
}

/** Throws while the address or the name has to wait; a wrong password counts. */
async function checkPassword(
  place: Place,
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

async function logIn(place: Place, given: GivenLogin): Promise<OpenedSession> {
  return openSession(place, await checkPassword(place, given), given);
}

async function openSession(
  { store, system }: Place,
  user: UserRecord,
  { address, agent }: Pick<GivenLogin, 'address' | 'agent'>,
): Promise<OpenedSession> {
  const secret = newSecret(system);
  const nowMs = system.nowMs();
  const session: SessionRecord = {
    id: randomHex(system, 8),
    userId: user.id,
    secretHash: secretHash(secret),
    createdAtMs: nowMs,
    lastUsedMs: nowMs,
    address,
    agent: agent.slice(0, 200),
  };
  await store.change((all) => {
    const living = all.sessions.filter((each) => sessionEndMs(each) > nowMs);
    const own = living.filter(({ userId }) => userId === user.id).slice(1 - sessionsPerUserMax);
    return {
      ...all,
      users: all.users.map((each) => (each.id === user.id ? { ...each, lastLoginMs: nowMs } : each)),
      sessions: [...living.filter(({ userId }) => userId !== user.id), ...own, session],
    };
  });
  return { user: { ...user, lastLoginMs: nowMs }, session, secret };
}

type GivenSetUp = GivenLogin & { readonly token: string };

function setUp(place: Place, given: GivenSetUp): Promise<OpenedSession> {
  const mine = place.settingUp.then(() => setUpNow(place, given));
  place.settingUp = mine.catch(() => undefined);
  return mine;
}

async function setUpNow(place: Place, given: GivenSetUp): Promise<OpenedSession> {
  const { setupFiles, system, store, guard } = place;
  const keys = [`address ${given.address}`];
  if (guard.waitMs(keys, system.monotonicMs()) > 0)
    throw new SyncError('USYNC-1904', 'Too many failed attempts; try again in a moment.');
  if (!(await isSetupToken(setupFiles, system, given.token))) {
    guard.failed(keys, system.monotonicMs());
    place.failures.count += 1;
    throw new SyncError('USYNC-1912', 'This set-up link is not valid.');
  }
  // Void before anything is made: a crash in between costs a new link, never a second admin.
  await voidSetupToken(setupFiles);
  const known = store.records.users.find(({ name }) => name === given.name);
  const user = known
    ? await changeUser(place, known.id, { role: 'admin', password: given.password, isDisabled: false })
    : await addUser(place, { name: given.name, password: given.password, role: 'admin' });
  return openSession(place, user, given);
}

async function addUser(
  { store, system, passwordCostBits }: Place,
  { name, password, role }: { readonly name: string; readonly password: string; readonly role: Role },
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
async function changeUser(
  { store, passwordCostBits }: Place,
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

async function removeUser({ store }: Place, id: string): Promise<UserRecord> {
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

async function changePassword(place: Place, given: PasswordChange): Promise<void> {
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
