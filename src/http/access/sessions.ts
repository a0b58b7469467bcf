import { randomHex } from '../../system/random.js';
import { lastUsedStepMs, sessionAbsoluteMs, sessionIdleMs, sessionsPerUserMax } from '../http-limits.js';
import type { AccessPlace } from './access-place.js';
import type { SessionRecord, UserRecord } from './access-records.js';
import type { Caller } from './caller.js';
import { isEqualHash, newSecret, secretHash } from './secret.js';

export interface OpenedSession {
  readonly user: UserRecord;
  readonly session: SessionRecord;
  /** For the cookie; kept nowhere. */
  readonly secret: string;
}

export const sessionEndMs = ({ createdAtMs, lastUsedMs }: SessionRecord): number =>
  Math.min(createdAtMs + sessionAbsoluteMs, lastUsedMs + sessionIdleMs);

/** By the secret of a cookie; nobody when it is unknown or has expired. */
export function callerOfSession({ store, system }: AccessPlace, secret: string, address: string): Caller {
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

/** A new secret each time: what a browser held before is worth nothing after signing in. */
export async function openSession(
  { store, system }: AccessPlace,
  user: UserRecord,
  { address, agent }: { readonly address: string; readonly agent: string },
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

export async function endSessions(
  { store }: AccessPlace,
  isEnded: (session: SessionRecord) => boolean,
): Promise<number> {
  const ended = store.records.sessions.filter(isEnded).length;
  if (ended > 0) await store.change((all) => ({ ...all, sessions: all.sessions.filter((each) => !isEnded(each)) }));
  return ended;
}
