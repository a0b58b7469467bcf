import type { Command } from 'commander';
import type { ServerInfo } from '../../engine/engine.js';
import type { CommandContext } from '../command-context.js';
import { durationText, printable, tableLines } from '../terminal.js';
import { withEngine } from '../with-engine.js';

export function addServersCommand(program: Command, context: CommandContext): void {
  const servers = program.command('servers').description('the servers of the group').exitOverride();
  servers
    .command('list', { isDefault: true })
    .description('all servers, removed ones last')
    .action(async () =>
      withEngine(context, async (call) => {
        const list = await call('servers', {});
        const nowMs = list.find(({ isSelf }) => isSelf)?.lastSeenMs ?? 0;
        const rows = list.map((server) => rowOf(server, nowMs));
        for (const line of tableLines([titles, ...rows])) context.terminal().print(line);
        context.terminal().result({ servers: list });
      }),
    );
  servers
    .command('approve <server>')
    .description('let a pending server in, by name or id')
    .action(async (server: string) =>
      withEngine(context, async (call) => report(context, await call('approve', { server }), 'is a member now')),
    );
  servers
    .command('remove <server>')
    .description("revoke a server's key on every server; what any of them has of it stays")
    .action(async (server: string) =>
      withEngine(context, async (call) =>
        report(
          context,
          await call('remove', { server }),
          'was removed: each member refuses it as soon as it hears of it. What the members have of it stays',
        ),
      ),
    );
}

function report(context: CommandContext, server: ServerInfo, what: string): void {
  context.terminal().print(`${printable(server.name)} ${what}.`);
  context.terminal().result({ server });
}

const titles = ['name', 'state', 'seen', 'since', 'addresses', 'id'];

/** The server itself was seen now. */
function rowOf(server: ServerInfo, nowMs: number): string[] {
  const name = printable(server.name) + (server.isSelf ? ' (this server)' : '');
  const addresses = server.addresses.map((text) => printable(text)).join(' ');
  return [name, server.state, seenText(server, nowMs), sinceText(server), addresses, server.id];
}

function seenText({ isSelf, isConnected, lastSeenMs }: ServerInfo, nowMs: number): string {
  if (isSelf) return '';
  if (isConnected) return 'connected';
  return lastSeenMs === null ? 'never' : `${durationText(Math.max(nowMs - lastSeenMs, 0))} ago`;
}

/** Since when it is what it is, and by whose doing. */
function sinceText({ state, addedAtMs, addedBy, removedAtMs, removedBy, name }: ServerInfo): string {
  const [atMs, who] = state === 'removed' ? [removedAtMs, removedBy] : [addedAtMs, addedBy];
  const by = who === null || who === name ? '' : ` by ${printable(who)}`;
  return (atMs === null ? '' : new Date(atMs).toISOString().slice(0, 10)) + by;
}
