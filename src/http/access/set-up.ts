import { SyncError } from '../../core/sync-error.js';
import type { AccessPlace } from './access-place.js';
import { networkOf } from '../../system/network-of.js';
import { openSession, type OpenedSession } from './sessions.js';
import { isSetupToken, voidSetupToken } from './setup-link.js';
import type { GivenLogin } from './sign-in.js';
import { addUser, changeUser } from './users.js';

export interface GivenSetUp extends GivenLogin {
  readonly token: string;
}

/** Makes an admin by the one-time token; a user of that name gets the password and becomes one. */
export function setUp(place: AccessPlace, given: GivenSetUp): Promise<OpenedSession> {
  const mine = place.settingUp.then(() => setUpNow(place, given));
  place.settingUp = mine.catch(() => undefined);
  return mine;
}

async function setUpNow(place: AccessPlace, given: GivenSetUp): Promise<OpenedSession> {
  const { setupFiles, system, store, guard } = place;
  const keys = [`address ${networkOf(given.address)}`];
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
