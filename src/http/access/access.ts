/** Who may in: users with passwords and sessions, programs with tokens, the first one by a set-up link. */
import type { DataFiles } from '../../system/data-files.js';
import type { AccessPlace } from './access-place.js';
import type { AccessRecords, SessionRecord, TokenRecord, UserRecord } from './access-records.js';
import { openAccessStore } from './access-store.js';
import type { Caller } from './caller.js';
import { createLoginGuard } from './login-guard.js';
import { callerOfSession, endSessions, type OpenedSession } from './sessions.js';
import { setUp, type GivenSetUp } from './set-up.js';
import { changePassword, logIn, type GivenLogin, type PasswordChange } from './sign-in.js';
import { addToken, callerOfToken, removeToken, type GivenToken } from './tokens.js';
import { addUser, changeUser, removeUser, type GivenUser, type UserChanges } from './users.js';

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
  setUp(given: GivenSetUp): Promise<OpenedSession>;
  endSessions(isEnded: (session: SessionRecord) => boolean): Promise<number>;
  addUser(given: GivenUser): Promise<UserRecord>;
  changeUser(id: string, changes: UserChanges): Promise<UserRecord>;
  removeUser(id: string): Promise<UserRecord>;
  changePassword(given: PasswordChange): Promise<void>;
  addToken(given: GivenToken): Promise<{ readonly token: TokenRecord; readonly secret: string }>;
  removeToken(id: string): Promise<TokenRecord>;
  flush(): Promise<void>;
}

export interface AccessOptions extends Pick<AccessPlace, 'setupFiles' | 'system' | 'passwordCostBits'> {
  readonly files: DataFiles;
}

export async function openAccess({ files, ...options }: AccessOptions): Promise<Access> {
  const store = await openAccessStore(files);
  const place: AccessPlace = {
    ...options,
    ...{ store, guard: createLoginGuard(), failures: { count: 0 }, settingUp: Promise.resolve() },
  };
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
    endSessions: (isEnded) => endSessions(place, isEnded),
    addUser: (given) => addUser(place, given),
    changeUser: (id, changes) => changeUser(place, id, changes),
    removeUser: (id) => removeUser(place, id),
    changePassword: (given) => changePassword(place, given),
    addToken: (given) => addToken(place, given),
    removeToken: (id) => removeToken(place, id),
    flush: () => store.flush(),
  };
}
