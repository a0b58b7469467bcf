import type { Command } from 'commander';
import type { ServerInfo } from '../../engine/engine.js';
import type { CommandContext } from '../command-context.js';
import { printable, tableLines } from '../terminal.js';
import { withEngine } from '../with-engine.js';

export function addServersCommand(program: Command, context: CommandContext): void {
  const servers = program.command('servers').description('the servers of the group').exitOverride();
  servers
    .command('list', { isDefault: true })
    .description('all servers, removed ones last')
    .action(async () =>
      withEngine(context, async (call) => {
        const list = await call('servers', {});
        const rows = list.map((each) => [
          printable(each.name) + (each.isSelf ? ' (this server)' : ''),
          each.state,
          each.addresses.map((text) => printable(text)).join(' '),
          each.id,
        ]);
        for (const line of tableLines([['name', 'state', 'addresses', 'id'], ...rows])) context.terminal().print(line);
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
    .description("revoke a server's key on every server; its changes up to now stay")
    .action(async (server: string) =>
      withEngine(context, async (call) =>
        report(context, await call('remove', { server }), 'was removed; no server talks to it any more'),
      ),
    );
}

function report(context: CommandContext, server: ServerInfo, what: string): void {
  context.terminal().print(`${printable(server.name)} ${what}.`);
  context.terminal().result({ server });
}
