import { SyncError } from '../../core/sync-error.js';
import type { ApiContext } from '../api-context.js';
import { nameOfCaller } from '../access/caller.js';
import type { serverRoutes } from '../contract/server-routes.js';
import type { Server } from '../contract/server-schemas.js';
import { isoTime } from '../iso-time.js';
import type { Handlers } from './handler.js';
import { startJoinJob, startSyncJob } from './job-plans.js';
import { currentStatus } from './status-handlers.js';

const activityShown = 100;

export const serverHandlers: Handlers<keyof typeof serverRoutes> = {
  async listServers(_, context) {
    const { servers } = await currentStatus(context);
    return { servers, count: servers.length };
  },
  async addServer({ body }, context, { caller }) {
    const { engine, expected, system } = context;
    const { servers } = await currentStatus(context);
    if (servers.some(({ name, state }) => name === body.name && state !== 'removed'))
      throw new SyncError('USYNC-1103', `There is a server "${body.name}" already.`, {
        nextStep: 'Choose another name, or remove that one first.',
      });
    const invite = await engine.invite({ isPreApproved: false });
    await expected.add({
      ...{ id: invite.id, name: body.name, host: body.host, port: body.port },
      addedAtMs: system.nowMs(),
      addedBy: nameOfCaller(caller),
    });
    return {
      message: `${body.name} is expected. Run the command there; then approve it here.`,
      server: await theServer(context, invite.id),
      code: invite.code,
      command: `usync join ${invite.code}`,
      expires_at: isoTime(invite.expiresAtMs),
    };
  },
  async getServer({ params }, context) {
    const server = await theServer(context, params.id);
    const entries = context.live.entries().filter(({ server_name }) => server_name === server.name);
    return { server, activity: entries.slice(0, activityShown) };
  },
  async getServerLag({ params }, context) {
    const { id } = await theServer(context, params.id);
    return {
      samples: context.lag.of(id).map(({ atMs, behindMs, roundTripMs }) => ({
        ...{ at: isoTime(atMs), behind_ms: behindMs, round_trip_ms: roundTripMs },
      })),
    };
  },
  async changeServer({ params, body }, context) {
    const { engine } = context;
    const server = await theServer(context, params.id);
    if (server.state === 'expected')
      throw new SyncError('USYNC-1405', `${server.name} has not joined yet.`, {
        nextStep: 'Remove it and add it again with the right address.',
      });
    if (body.host !== undefined || body.port !== undefined) {
      const host = body.host ?? server.host ?? '';
      const address = `${host.includes(':') ? `[${host}]` : host}:${body.port ?? server.port ?? 7420}`;
      engine.setAddresses(server.id, [address, ...server.addresses.slice(1)]);
    }
    const isActive = body.is_active ?? body.sync_enabled;
    if (isActive !== undefined) await (isActive ? engine.resume(server.id) : engine.pause(server.id));
    return {
      message: changedText(server, await theServer(context, server.id, true)),
      server: await theServer(context, server.id),
      ignored: Object.keys(body).filter((key) => !changeable.has(key)),
    };
  },
  async removeServer({ params }, context) {
    const { engine, expected } = context;
    const server = await theServer(context, params.id);
    if (server.state === 'expected') {
      await expected.remove(server.id);
      await engine.revokeInvite(server.id).catch(() => undefined);
      return { message: `${server.name} is no longer expected; its code is void.`, server: null };
    }
    await engine.remove(server.id);
    return {
      message: `${server.name} was removed. Its key is revoked on every server; its changes up to now stay.`,
      server: await theServer(context, server.id, true),
    };
  },
  async approveServer({ params, body }, context) {
    const server = await theServer(context, params.id);
    const given = body.fingerprint?.replaceAll(/[^0-9a-fA-F]/g, '').toLowerCase();
    if (given !== undefined && given !== server.fingerprint)
      throw new SyncError('USYNC-1401', `The key of ${server.name} has another fingerprint.`, {
        nextStep: 'Compare it with "usync status" on that server. Do not approve it if it differs.',
      });
    await context.engine.approve(server.id);
    await context.expected.remove(server.name);
    return { message: `${server.name} is a member now.`, server: await theServer(context, server.id, true) };
  },
  async pingServer({ params }, context) {
    const server = await theServer(context, params.id);
    if (server.state === 'expected' || server.state === 'removed')
      return {
        success: false,
        last_ping: server.last_ping,
        last_error: server.reason ?? `${server.name} was removed.`,
        round_trip_ms: null,
        next_step: server.next_step,
      };
    const report = await context.engine.ping(server.id);
    context.status.pinged(server.id, report);
    const { isAnswered, atMs, roundTripMs, reason, nextStep } = report;
    return {
      success: isAnswered,
      last_ping: isAnswered ? isoTime(atMs) : server.last_ping,
      last_error: reason,
      round_trip_ms: roundTripMs,
      next_step: nextStep,
    };
  },
  async syncServer({ params }, context, { caller }) {
    const server = await theServer(context, params.id);
    return startSyncJob(context, { servers: [server], startedBy: nameOfCaller(caller), isVerifying: false });
  },
  async syncAll(_, context, { caller }) {
    return startSyncJob(context, {
      servers: await members(context),
      startedBy: nameOfCaller(caller),
      isVerifying: false,
    });
  },
  async syncForce({ body }, context, { caller }) {
    const servers =
      body.server_id === undefined ? await members(context) : [await theServer(context, String(body.server_id))];
    return startSyncJob(context, { servers, startedBy: nameOfCaller(caller), isVerifying: true });
  },
  async scanCatchup(_, context) {
    await context.engine.wake();
    const all = await members(context, true);
    return {
      message:
        all.length === 0
          ? 'There is no other server.'
          : `${all.filter(({ is_healthy }) => is_healthy).length} of ${all.length} servers are proven equal; the others are being served.`,
      servers_processed: all.length,
      results: all.map((server) => ({
        server_id: server.id,
        server_name: server.name,
        success: server.is_healthy,
        state: server.is_healthy ? 'proven' : server.connection === 'connected' ? 'catching-up' : server.connection,
        ...whyBehind(server),
      })),
      timestamp: isoTime(context.system.nowMs()),
    };
  },
  async catchupStatus(_, context) {
    const all = await members(context);
    const paused = context.engine.paused();
    return {
      catchup_enabled: !paused.isAll,
      max_catchup_days: context.config.journal.daysMax,
      servers_needing_catchup: all.filter(({ is_healthy }) => !is_healthy),
      recent_catchup_logs: context.live
        .entries()
        .filter(({ sync_type }) => catchupKinds.has(sync_type))
        .slice(0, activityShown),
      timestamp: isoTime(context.system.nowMs()),
    };
  },
  listInvites: (_, { engine, system }) => ({
    invites: engine.invites().map(({ id, expiresAtMs, isPreApproved, usedBy }) => ({
      id,
      expires_at: isoTime(expiresAtMs),
      is_pre_approved: isPreApproved,
      state: usedBy !== null ? 'used' : expiresAtMs <= system.nowMs() ? 'expired' : 'open',
      used_by: usedBy,
    })),
  }),
  async createInvite({ body }, { engine }) {
    const { id, code, expiresAtMs, isPreApproved } = await engine.invite({
      ...(body.valid_minutes !== undefined && { validMs: body.valid_minutes * 60_000 }),
      ...(body.is_pre_approved !== undefined && { isPreApproved: body.is_pre_approved }),
    });
    const expires_at = isoTime(expiresAtMs);
    return { id, code, command: `usync join ${code}`, expires_at, is_pre_approved: isPreApproved };
  },
  async revokeInvite({ params }, { engine }) {
    await engine.revokeInvite(params.id);
    return { message: 'The code is void.' };
  },
  joinGroup: ({ body }, context, { caller }) => startJoinJob(context, { ...body, startedBy: nameOfCaller(caller) }),
};

const changeable: ReadonlySet<string> = new Set(['host', 'port', 'is_active', 'sync_enabled']);

/** From what stands now, not from what was asked for. */
function changedText(before: Server, now: Server): string {
  const changes = [
    ...(before.addresses[0] === now.addresses[0] ? [] : [`is reached at ${now.addresses[0] ?? 'no address'} now`]),
    ...(before.is_active === now.is_active ? [] : [now.is_active ? 'is resumed' : 'is paused']),
  ];
  return changes.length === 0 ? `Nothing of ${now.name} was changed.` : `${now.name} ${changes.join(' and ')}.`;
}

const catchupKinds: ReadonlySet<string> = new Set(['merged', 'snapshot-sent', 'snapshot-merged', 'proven', 'captured']);

/** By id, name, or the beginning of an id that fits one only. */
async function theServer(context: ApiContext, idOrName: string, isFresh = false): Promise<Server> {
  const { servers } = isFresh ? await freshStatus(context) : await currentStatus(context);
  const exact = servers.filter(({ id, name }) => id === idOrName || name === idOrName);
  const living = exact.length > 1 ? exact.filter(({ state }) => state !== 'removed') : exact;
  const found = living.length > 0 ? living : servers.filter(({ id }) => id.startsWith(idOrName.toLowerCase()));
  const [server] = found;
  if (server && found.length === 1) return server;
  throw new SyncError(
    'USYNC-1407',
    server ? `"${idOrName}" fits several servers.` : `No server is called "${idOrName}".`,
  );
}

/** After a change: not what was read just before it. */
async function freshStatus(context: ApiContext) {
  context.status.forget();
  return currentStatus(context);
}

async function members(context: ApiContext, isFresh = false): Promise<Server[]> {
  const { servers } = isFresh ? await freshStatus(context) : await currentStatus(context);
  return servers.filter(({ state, is_self }) => state === 'member' && !is_self);
}

function whyBehind(server: Server): { readonly reason: string | null; readonly next_step: string | null } {
  if (server.reason !== null) return { reason: server.reason, next_step: server.next_step };
  const behind = server.datasets.find(({ state }) => state !== 'proven' && state !== 'not-carried');
  return { reason: behind?.reason ?? null, next_step: behind?.next_step ?? null };
}
