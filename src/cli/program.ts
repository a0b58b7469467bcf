import { Command, Option } from 'commander';
import { configFileName } from '../config/load-config.js';
import { optionHelp } from '../config/option-help.js';
import { optionEntries } from '../config/option-entry.js';
import { createCommandContext, type CommandContext } from './command-context.js';
import { addCheckCommand } from './commands/check.js';
import { addConfigCommand } from './commands/config.js';
import { addConflictsCommand } from './commands/conflicts.js';
import { addDemoCommand } from './commands/demo.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addFilesCommand } from './commands/files.js';
import { addHistoryCommand } from './commands/history.js';
import { addInitCommand } from './commands/init.js';
import { addInviteCommand } from './commands/invite.js';
import { addJoinCommand } from './commands/join.js';
import { addQuarantineCommand } from './commands/quarantine.js';
import { addRunCommand } from './commands/run.js';
import { addSetupLinkCommand } from './commands/setup-link.js';
import { addServersCommand } from './commands/servers.js';
import { addStatusCommand } from './commands/status.js';
import { addUndoCommand } from './commands/undo.js';
import { addUninstallCommand } from './commands/uninstall.js';
import { addVerifyCommand } from './commands/verify.js';
import { packageVersion } from '../package-version.js';

/** The whole command line. Commander's own exits are thrown, so that `main` alone decides how the process ends. */
export function createProgram(): { program: Command; context: CommandContext } {
  const program = new Command('usync');
  program
    .description(
      'Keeps the databases and folders of one application identical on several servers, each of which accepts writes.',
    )
    .version(packageVersion())
    .option('--config <file>', `configuration file (default: ${configFileName}, or USYNC_CONFIG)`)
    .option('--json', 'print the result as one JSON document')
    .option('--quiet', 'print results only')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', helpText);
  // Settings of the file can be given as flags; they are told in a list of their own below the commands.
  for (const { flag } of optionEntries()) program.addOption(new Option(`${flag} <value>`).hideHelp());
  const context = createCommandContext(program);
  for (const add of commands) add(program, context);
  for (const command of program.commands) command.exitOverride();
  return { program, context };
}

const commands = [
  addDemoCommand,
  addInitCommand,
  addCheckCommand,
  addRunCommand,
  addSetupLinkCommand,
  addInviteCommand,
  addJoinCommand,
  addServersCommand,
  addStatusCommand,
  addVerifyCommand,
  addConflictsCommand,
  addQuarantineCommand,
  addFilesCommand,
  addHistoryCommand,
  addUndoCommand,
  addDoctorCommand,
  addConfigCommand,
  addUninstallCommand,
];

const helpText = `
Start here:
  usync demo                three servers on this machine, syncing before your eyes
  usync init && usync run   beside your application
  usync invite              on a running server; then "usync join CODE" on the next

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not in sync, 4 no engine runs,
5 needs a decision, 6 verification found a difference, 7 not trusted, 130 interrupted.

Settings as flags before the command, over the environment, over the file:
${optionHelp()}`;
