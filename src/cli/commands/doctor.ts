import type { Command } from 'commander';
import { errorCodeOf } from '../../core/sync-error.js';
import type { EngineStatus } from '../../engine/engine-status.js';
import type { CommandContext } from '../command-context.js';
import type { Finding } from '../doctor/finding.js';
import { exitCodes } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';

export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look for what could go wrong: versions, locks, clocks, disk, other sync systems')
    .addHelpText('after', '\nExit code 1 when something is wrong, 0 when there are warnings at most.')
    .action(async () => {
      const terminal = context.terminal();
      const [{ databaseChecks }, { engineChecks }, { machineChecks }] = await Promise.all([
        import('../doctor/database-checks.js'),
        import('../doctor/engine-checks.js'),
        import('../doctor/machine-checks.js'),
      ]);
      const { config } = await context.config();
      const findings = [
        ...machineChecks(config),
        ...config.datasets.flatMap(databaseChecks),
        ...engineChecks(await statusOrNull(context)),
      ];
      for (const finding of findings) for (const line of findingLines(finding, terminal)) terminal.print(line);
      terminal.result({ findings });
      context.exitWith(findings.some(({ level }) => level === 'fail') ? exitCodes.failure : exitCodes.ok);
    });
}

async function statusOrNull(context: CommandContext): Promise<EngineStatus | null> {
  try {
    const client = await context.connect();
    try {
      return await client.call('status', {});
    } finally {
      client.close();
    }
  } catch (error) {
    if (errorCodeOf(error) === 'USYNC-1506') return null;
    throw error;
  }
}

const words = { ok: 'OK  ', warn: 'WARN', fail: 'FAIL' } as const;
const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function findingLines({ level, subject, text, nextStep }: Finding, { paint }: Terminal): string[] {
  const line = `${paint(colours[level], words[level])}  ${subject}: ${text}`;
  return nextStep === '' ? [line] : [line, `      ${nextStep}`];
}
