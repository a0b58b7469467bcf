import type { Command } from 'commander';
import { errorCodeOf, errorMessageOf } from '../../core/sync-error.js';
import type { CommandContext } from '../command-context.js';
import type { DatabasePlan } from '../database-plan.js';
import { exitCodeOf, exitCodes } from '../exit-codes.js';
import { printable } from '../terminal.js';

export function addCheckCommand(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('what would be captured, and why a table cannot be; changes nothing')
    .action(async () => {
      const terminal = context.terminal();
      const { countingProgress, planDatabase, planLines } = await import('../database-plan.js');
      const { config } = await context.config();
      const results: { dataset: string; plan?: DatabasePlan; error?: { code: string; message: string } }[] = [];
      for (const dataset of config.datasets) {
        if (dataset.sqlite === undefined) {
          terminal.print(`${printable(dataset.name)}: the folder ${printable(dataset.folder ?? '')}`);
          results.push({ dataset: dataset.name });
          continue;
        }
        try {
          const view = context.progress(terminal);
          const { name, sqlite, tables } = dataset;
          const plan = planDatabase(sqlite, {
            ...(tables && { rules: tables }),
            onTable: (table, done, total) => view.show(countingProgress(name, { table, done, total })),
          });
          view.end();
          for (const line of planLines(dataset.name, plan)) terminal.print(line);
          results.push({ dataset: dataset.name, plan });
          if (plan.unmatched.length > 0 || plan.tables.some(({ obstacle }) => obstacle !== null))
            context.exitWith(exitCodes.needsDecision);
        } catch (error) {
          if (!terminal.isJson) terminal.fail(error);
          results.push({ dataset: dataset.name, error: { code: errorCodeOf(error), message: errorMessageOf(error) } });
          context.exitWith(exitCodeOf(error));
        }
      }
      if (config.datasets.length === 0) terminal.say('The configuration names no dataset.');
      terminal.result({ datasets: results });
    });
}
