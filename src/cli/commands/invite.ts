import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';

interface InviteCommandOptions {
  readonly hours: string;
  readonly approve?: boolean;
}

export function addInviteCommand(program: Command, context: CommandContext): void {
  program
    .command('invite')
    .description('make a one-time code that lets one new server join')
    .option('--hours <hours>', 'how long the code is valid', '24')
    .option('--approve', 'the new server waits until "usync servers approve" lets it in')
    .action(async (options: InviteCommandOptions) => {
      const terminal = context.terminal();
      const client = await context.connect();
      try {
        const validMs = context.amountOption('--hours', options.hours, 'hours') * 3_600_000;
        const view = context.progress(terminal);
        const invite = await client
          .call(
            'invite',
            { validMs, isPreApproved: options.approve !== true },
            { onProgress: (progress) => view.show(progress) },
          )
          .finally(() => view.end());
        terminal.print(invite.code);
        terminal.say(
          `Valid once, until ${new Date(invite.expiresAtMs).toISOString()}. On the new server run: usync join CODE`,
        );
        terminal.result(invite);
      } finally {
        client.close();
      }
    });
}
