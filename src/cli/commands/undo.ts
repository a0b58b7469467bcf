import type { Command } from 'commander';
import type { UndoReport } from '../../engine/decisions.js';
import { SyncError } from '../../core/sync-error.js';
import type { CommandContext } from '../command-context.js';
import { sinceMs } from '../since.js';
import { countText, printable } from '../terminal.js';
import { withEngine } from '../with-engine.js';

interface UndoOptions {
  readonly server?: string;
  readonly since?: string;
  readonly dataset?: string;
  readonly yes?: boolean;
}

export function addUndoCommand(program: Command, context: CommandContext): void {
  program
    .command('undo')
    .description('take back what one server wrote since a time; shows what would change unless --yes is given')
    .option('--server <name>', 'whose writes')
    .option('--since <time>', 'since when: 90m, 2h, 3d, or a date')
    .option('--dataset <name>', 'only this dataset')
    .option('--yes', 'do it, on every server')
    .addHelpText(
      'after',
      '\nExamples:\n  usync undo --server stands --since 2h\n  usync undo --server stands --since 2h --yes\n\nFolders are left out: files are put back with usync files history and usync files restore.\n\nRows that were there before Universal Sync, and those of migrations, stay. What was changed or deleted comes back where the\njournal knows what stood before: not where nobody had written it since the group began, or within journal.historyDays.',
    )
    .action(async ({ server, since, dataset, yes = false }: UndoOptions) => {
      if (server === undefined || since === undefined)
        throw new SyncError('USYNC-1103', 'Say whose writes and since when: --server NAME --since TIME.');
      await withEngine(context, async (call) => {
        const query = { server, sinceMs: sinceMs(since, Date.now()), isDryRun: !yes };
        const report = await call('undo', { ...query, ...(dataset !== undefined && { dataset }) });
        const terminal = context.terminal();
        for (const line of linesOf(report)) terminal.print(line);
        if (report.leftOut.length > 0) terminal.print(leftOutText(report.leftOut));
        const count = report.steps.filter(({ skipped }) => skipped === null).length;
        terminal.print(`${countText(count, 'row')} ${yes ? 'taken back' : 'would be taken back; add --yes to do it'}.`);
        terminal.result({ ...report, isDone: yes });
      });
    });
}

const leftOutText = (folders: readonly string[]): string =>
  `Left out: ${folders.map((name) => `the folder ${printable(name)}`).join(', ')}. Look with "usync history ${printable(folders[0] ?? '')}"; put files back with "usync files restore".`;

const wordByKind = { update: 'goes back', delete: 'is deleted', insert: 'comes back' } as const;

function linesOf({ steps }: UndoReport): string[] {
  return steps.flatMap(({ dataset, table, key, kind, cells, skipped }) => [
    printable(`${dataset} ${table} ${key} ${skipped === null ? wordByKind[kind] : `is left alone: ${skipped}`}`),
    ...cells.map(
      ({ column, from, to }) => `    ${printable(from === '' ? `${column} = ${to}` : `${column}: ${from} -> ${to}`)}`,
    ),
  ]);
}
