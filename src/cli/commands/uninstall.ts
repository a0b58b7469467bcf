import type { Command } from 'commander';
import type { OwnParts } from '../../databases/sqlite/take-out.js';
import type { CommandContext } from '../command-context.js';
import { countText, printable } from '../terminal.js';

interface UninstallOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const details = `
Stop "usync run" first. Rows stay as they are; the application may run, and waits for a moment. Gone for good are the
history, open conflicts and held rows of these databases, and the note of what no other server has yet. Nothing changes on
other servers: there, "usync servers remove NAME" takes this one from the list.

Files stay: the data folder (with the key of this server), "-usync-lock" beside each database, ".usync-folder" in each
folder (replaced and deleted files). Remove them by hand when nothing of them is needed.

To sync again, "usync run": with its data folder it is the same server, and its rows are compared with the group's as when
joining. Without the data folder it is a new one: "usync join CODE".`;

export function addUninstallCommand(program: Command, context: CommandContext): void {
  program
    .command('uninstall')
    .description('take everything of Universal Sync out of the databases; shows what that is unless --yes is given')
    .option('--dry-run', 'show it and change nothing, also with --yes')
    .option('--yes', 'do it')
    .addHelpText('after', details)
    .action(async ({ dryRun = false, yes = false }: UninstallOptions) => {
      const terminal = context.terminal();
      const { config } = await context.config();
      const { uninstall } = await import('../uninstall.js');
      const isDone = yes && !dryRun;
      const results = uninstall(config, isDone);
      for (const { dataset, parts } of results)
        for (const line of linesOf(dataset, parts, isDone)) terminal.print(line);
      if (results.length === 0) terminal.print('The configuration names no database.');
      else if (isDone)
        terminal.print('The databases hold nothing of Universal Sync. "usync uninstall --help" tells what is left.');
      else terminal.print('Nothing was changed; add --yes to do it.');
      terminal.result({ datasets: results, isDone });
    });
}

function linesOf(dataset: string, parts: OwnParts, isDone: boolean): string[] {
  const { triggers, tables, notes, conflicts, isLanding } = parts;
  const name = printable(dataset);
  if (triggers + tables === 0) return [`${name}: nothing of Universal Sync is in it`];
  const what = `${countText(triggers, 'trigger')} and ${countText(tables, 'table')} (_usync_*)`;
  return [
    `${name}: ${what} ${isDone ? 'taken out' : 'would be taken out'}`,
    ...(notes > 0
      ? [`    ${countText(notes, 'write')} that no other server has: start "usync run" once more to send them`]
      : []),
    ...(conflicts > 0 ? [`    ${countText(conflicts, 'conflict')}, open or decided, with the values that lost`] : []),
    ...(isLanding ? [`    the data of the group is here in part only: start "usync run" to finish taking it in`] : []),
  ];
}
