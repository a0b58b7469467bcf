import type { Command } from 'commander';
import type { DatasetAudit, VerifyComparison, VerifyReport } from '../../engine/engine.js';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { foldersOf } from '../folders-of.js';
import { countText, durationText, printable, type Terminal } from '../terminal.js';

interface VerifyCommandOptions {
  readonly audit?: boolean;
  readonly dataset?: string;
  readonly rows: string;
}

export function addVerifyCommand(program: Command, context: CommandContext): void {
  program
    .command('verify')
    .description('compare digests with every peer; where they differ, name the rows')
    .option('--dataset <name>', 'only this dataset')
    .option('--audit', 'first read every row here and compare it with the kept digest')
    .option('--rows <count>', 'rows to name per table', '20')
    .addHelpText(
      'after',
      '\nA folder is equal when its entries are and both disks show them; the contents of files are not read again.\n\nExit code 0 when equal, 6 when rows differ, 3 when a peer is behind or cannot be reached, when a disk does not show all\nentries or holds deletions, or when there is no peer to compare with.',
    )
    .action(async (options: VerifyCommandOptions) => {
      const terminal = context.terminal();
      const client = await context.connect();
      const only = options.dataset === undefined ? {} : { dataset: options.dataset };
      try {
        const view = context.progress(terminal);
        const audits =
          options.audit === true
            ? await client
                .call('audit', only, { onProgress: (progress) => view.show(progress) })
                .finally(() => view.end())
            : [];
        const folders = audits.length === 0 ? new Set<string>() : await foldersOf(context);
        for (const audit of audits)
          terminal.print(`${printable(audit.dataset)}: ${auditText(audit, folders.has(audit.dataset))}`);
        const comparing = context.progress(terminal);
        const report = await client
          .call(
            'verify',
            { ...only, rowsMax: context.amountOption('--rows', options.rows, 'rows') },
            { onProgress: (progress) => comparing.show(progress) },
          )
          .finally(() => comparing.end());
        for (const comparison of report.comparisons)
          for (const line of comparisonLines(comparison, terminal)) terminal.print(line);
        terminal.print(summaryLine(report, terminal));
        terminal.result({ ...report, audits });
        const differs = report.comparisons.some(({ result }) => result === 'differs');
        context.exitWith(report.isEqual ? exitCodes.ok : differs ? exitCodes.mismatch : exitCodes.notInSync);
      } finally {
        client.close();
      }
    });
}

function auditText({ tables, rows, cpuMs, differing }: DatasetAudit, isFolder: boolean): string {
  if (tables.length === 0)
    return 'nothing was read: no row is captured before this server has its part in the dataset ("usync status")';
  const found =
    differing === 0
      ? 'content equals the digest'
      : `${countText(differing, 'row')} had been changed unnoticed and are captured now`;
  if (isFolder) {
    const equal = differing === 0 ? 'equals its digest' : `had ${countText(differing, 'difference')}, mended now`;
    return `read the list of ${countText(rows, 'entry', 'entries')}, which ${equal}; the files themselves were not read again`;
  }
  return `read ${countText(rows, 'row')} in ${durationText(cpuMs)} of CPU, ${found}`;
}

/** Where nothing was compared, nothing is proven. */
function summaryLine({ comparisons, isEqual, tookMs, onlyHere }: VerifyReport, { paint }: Terminal): string {
  if (comparisons.length === 0) return 'There is no other server to compare with. Add one with "usync invite".';
  const notCompared = [...new Set(comparisons.flatMap((each) => each.notCompared))];
  if (isEqual && notCompared.length > 0)
    return paint(
      'yellow',
      `${printable(notCompared.join(', '))} cannot be compared. All else is the same on all servers, proven in ${durationText(tookMs)}.`,
    );
  if (isEqual && onlyHere.length > 0)
    return paint(
      'yellow',
      `No other server carries ${printable(onlyHere.join(', '))}. All else is the same on all servers, proven in ${durationText(tookMs)}.`,
    );
  return isEqual
    ? paint('green', `All servers hold the same data, proven in ${durationText(tookMs)}.`)
    : paint('yellow', 'Not everything could be proven equal.');
}

function comparisonLines(comparison: VerifyComparison, { paint }: Terminal): string[] {
  const { dataset, peer, result, rows, tables, reason, nextStep } = comparison;
  const word = result === 'equal' ? paint('green', 'equal') : paint(result === 'differs' ? 'red' : 'yellow', result);
  const lines = [
    `${printable(dataset)} with ${printable(peer)}: ${word}${result === 'equal' ? `, ${countText(rows, 'row')}` : ''}`,
  ];
  if (reason !== null) lines.push(`  ${printable(reason)} ${printable(nextStep ?? '')}`);
  for (const table of tables) {
    lines.push(
      `  ${printable(table.table)}: ${countText(table.rowsHere, 'row')} here, ${table.rowsThere.toLocaleString('en-US')} there`,
    );
    for (const row of table.rows)
      lines.push(`    ${printable(row.key)} ${row.where === 'both' ? 'differs' : `only ${row.where}`}`);
    if (!table.isComplete) lines.push('    and more');
  }
  return lines;
}
