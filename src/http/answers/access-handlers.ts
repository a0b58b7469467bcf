import { SyncError } from '../../core/sync-error.js';
import { sessionEndMs, type OpenedSession } from '../access/sessions.js';
import type { TokenRecord, UserRecord } from '../access/access-records.js';
import { nameOfCaller, type Caller } from '../access/caller.js';
import type { ApiCall, ApiContext } from '../api-context.js';
import type { accessRoutes, Session, Token, User } from '../contract/access-routes.js';
import { isoTime, optionalIsoTime } from '../iso-time.js';
import { pageOf, type Handlers } from './handler.js';
import { currentStatus } from './status-handlers.js';

export const accessHandlers: Handlers<keyof typeof accessRoutes> = {
  async setUp({ body }, context, call) {
    call.tellAudit(body.name);
    const { token, name, password } = body;
    const opened = await context.access.setUp({
      token,
      name,
      password,
      address: call.caller.address,
      agent: call.agent,
    });
    context.onSetUp();
    return signedIn(context, call, opened);
  },
  async logIn({ body }, context, call) {
    call.tellAudit(body.name.slice(0, 63));
    const opened = await context.access.logIn({ ...body, address: call.caller.address, agent: call.agent });
    // What the browser held before must not go on beside the new one.
    const { caller } = call;
    if (caller.kind === 'user') await context.access.endSessions(({ id }) => id === caller.sessionId);
    return signedIn(context, call, opened);
  },
  async getSession(_, context, { caller }) {
    const { userId, sessionId } = userCaller(caller);
    const user = context.access.records.users.find(({ id }) => id === userId);
    const session = context.access.records.sessions.find(({ id }) => id === sessionId);
    if (!user || !session) throw new SyncError('USYNC-1900', 'The session has ended.');
    return sessionAnswer(context, { user, session });
  },
  async logOut(_, { access }, call) {
    const { sessionId } = userCaller(call.caller);
    await access.endSessions(({ id }) => id === sessionId);
    call.setCookie(null);
    return { message: 'Signed out.' };
  },
  async changePassword({ body }, { access }, { caller }) {
    const { userId, sessionId, address } = userCaller(caller);
    await access.changePassword({ ...body, userId, sessionId, address });
    return { message: 'The password is changed; all other sessions have ended.' };
  },
  listSessions: (_, { access, system }, { caller }) => {
    const names = new Map(access.records.users.map(({ id, name }) => [id, name]));
    return {
      sessions: access.records.sessions
        .filter((session) => sessionEndMs(session) > system.nowMs() && mayEnd(caller, session.userId))
        .map((session) => ({
          id: session.id,
          user: names.get(session.userId) ?? '',
          created_at: isoTime(session.createdAtMs),
          last_used: isoTime(session.lastUsedMs),
          expires_at: isoTime(sessionEndMs(session)),
          address: session.address,
          agent: session.agent,
          is_current: caller.kind === 'user' && caller.sessionId === session.id,
        }))
        .toReversed(),
    };
  },
  async endSession({ params }, { access }, { caller }) {
    const ended = await access.endSessions(({ id, userId }) => id === params.id && mayEnd(caller, userId));
    if (ended === 0) throw new SyncError('USYNC-1908', `There is no session ${params.id}.`);
    return { message: 'The session has ended.' };
  },
  listUsers: (_, { access }) => ({ users: access.records.users.map(userAnswer) }),
  async addUser({ body }, { access }, call) {
    call.tellAudit(body.name);
    return userAnswer(await access.addUser(body));
  },
  async changeUser({ params, body }, { access }, call) {
    const { role, password, is_disabled } = body;
    const changed = await access.changeUser(params.id, { role, password, isDisabled: is_disabled });
    const what = [
      role && `role ${role}`,
      password && 'password',
      is_disabled !== undefined && `disabled ${is_disabled}`,
    ];
    call.tellAudit(`${changed.name}: ${what.filter(Boolean).join(', ')}`);
    return userAnswer(changed);
  },
  async removeUser({ params }, { access }, call) {
    const { name } = await access.removeUser(params.id);
    call.tellAudit(name);
    return { message: `${name} was removed.` };
  },
  listTokens: (_, { access }) => ({ tokens: access.records.tokens.map(tokenAnswer) }),
  async addToken({ body }, { access }, call) {
    const { name, scope, valid_days = null } = body;
    call.tellAudit(`${name} (${scope})`);
    const createdBy = nameOfCaller(call.caller);
    const validMs = valid_days === null ? null : valid_days * 86_400_000;
    const { token, secret } = await access.addToken({ name, scope, createdBy, validMs });
    return { token: tokenAnswer(token), secret };
  },
  async removeToken({ params }, { access }, call) {
    const { name } = await access.removeToken(params.id);
    call.tellAudit(name);
    return { message: `Token ${name} is revoked.` };
  },
  listAudit({ query }, { audit }) {
    const entries = audit.read().filter(({ who }) => query.who === undefined || who === query.who);
    const { items, pagination } = pageOf(entries.toReversed(), query);
    return {
      audit: items.map(({ atMs, ...entry }) => ({ ...entry, at: isoTime(atMs) })),
      is_intact: audit.isIntact(),
      pagination,
    };
  },
};

function userCaller(caller: Caller): Extract<Caller, { kind: 'user' }> {
  if (caller.kind === 'user') return caller;
  throw new SyncError('USYNC-1902', 'A token has no session and no password.', {
    nextStep: 'Sign in as a user.',
  });
}

const mayEnd = (caller: Caller, userId: string): boolean =>
  caller.kind === 'user'
    ? caller.role === 'admin' || caller.userId === userId
    : caller.kind === 'token' && caller.scope === 'admin';

function signedIn(context: ApiContext, call: ApiCall, opened: OpenedSession): Promise<Session> {
  const { name } = opened.user;
  call.tellAudit(name, name);
  call.setCookie(opened.secret);
  return sessionAnswer(context, opened);
}

async function sessionAnswer(
  context: ApiContext,
  { user, session }: Pick<OpenedSession, 'user' | 'session'>,
): Promise<Session> {
  const { server } = await currentStatus(context);
  return {
    user: userAnswer(user),
    expires_at: isoTime(sessionEndMs(session)),
    server_name: server.name,
    server_id: server.id,
    version: server.version,
  };
}

const userAnswer = ({ id, name, role, isDisabled, createdAtMs, lastLoginMs }: UserRecord): User => ({
  ...{ id, name, role },
  is_disabled: isDisabled,
  created_at: isoTime(createdAtMs),
  last_login: optionalIsoTime(lastLoginMs),
});

const tokenAnswer = ({ id, name, scope, createdAtMs, createdBy, expiresAtMs, lastUsedMs }: TokenRecord): Token => ({
  ...{ id, name, scope },
  created_at: isoTime(createdAtMs),
  created_by: createdBy,
  expires_at: optionalIsoTime(expiresAtMs),
  last_used: optionalIsoTime(lastUsedMs),
});
