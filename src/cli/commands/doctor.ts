import type { Command } from 'commander';
import type { Config } from '../../config/config.js';
import { errorCodeOf } from '../../core/sync-error.js';
import type { EngineStatus } from '../../engine/engine-status.js';
import type { CommandContext } from '../command-context.js';
import type { Finding } from '../doctor/finding.js';
import { exitCodes } from '../exit-codes.js';
import { printable, type Terminal } from '../terminal.js';

export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look for what could go wrong: versions, locks, clocks, disk, other sync systems')
    .addHelpText('after', '\nExit code 1 when something is wrong, 0 when there are warnings at most.')
    .action(async () => {
      const terminal = context.terminal();
      const [{ databaseChecks }, { machineChecks }] = await Promise.all([
        import('../doctor/database-checks.js'),
        import('../doctor/machine-checks.js'),
      ]);
      const { config } = await context.config();
      const findings = [
        ...machineChecks(config),
        ...config.datasets.flatMap(databaseChecks),
        ...(await runningChecks(context, config)),
      ];
      for (const finding of findings) for (const line of findingLines(finding, terminal)) terminal.print(line);
      terminal.result({ findings });
      context.exitWith(findings.some(({ level }) => level === 'fail') ? exitCodes.failure : exitCodes.ok);
    });
}

/** What only a running engine knows, and where its page is. */
async function runningChecks(context: CommandContext, config: Config): Promise<Finding[]> {
  const [{ engineChecks }, { pagePlace }, { ok }] = await Promise.all([
    import('../doctor/engine-checks.js'),
    import('../page-place.js'),
    import('../doctor/finding.js'),
  ]);
  const status = await statusOrNull(context);
  const place = status === null ? null : await pagePlace(config);
  const page = place === null ? [] : [ok('page', printable([place.url, place.note].filter(Boolean).join('; ')))];
  return [...engineChecks(status), ...page];
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
