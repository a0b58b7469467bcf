import type { Command } from 'commander';
import type { DatasetConfig } from '../../config/config.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../../core/sync-error.js';
import { aboutDataset } from '../../engine/about-dataset.js';
import type { CommandContext } from '../command-context.js';
import type { DatabasePlan } from '../database-plan.js';
import { exitCodeOf, exitCodes } from '../exit-codes.js';
import { printable } from '../terminal.js';

const details = `
Exit code 0 when all of it can be synced, 5 when a table cannot or a rule does nothing, 1 when a database or folder cannot
be used, 2 when the configuration is wrong or names no dataset.`;

export function addCheckCommand(program: Command, context: CommandContext): void {
  program
    .command('check')
    .description('what would be captured, and why a table cannot be; changes nothing')
    .addHelpText('after', details)
    .action(async () => {
      const { config } = await context.config();
      if (config.datasets.length === 0) throw noDataset(context.configPath());
      const checked: Checked[] = [];
      for (const dataset of config.datasets) checked.push(await checkDataset(context, dataset));
      context.terminal().result({ datasets: checked.map(({ result }) => result) });
      context.exitWith(checked.map(({ exitCode }) => exitCode).reduce(worse));
    });
}

const noDataset = (path: string): SyncError =>
  new SyncError('USYNC-1101', `${path} names no dataset: nothing would be synced.`, {
    nextStep:
      'Name databases and folders under "datasets", see docs/configuration.md. For a folder: usync init --folder FOLDER',
  });

/** What cannot be used at all matters more than a table of something that can. */
const worse = (a: number, b: number): number =>
  a === exitCodes.ok || (a === exitCodes.needsDecision && b !== exitCodes.ok) ? b : a;

interface Checked {
  readonly result: {
    readonly dataset: string;
    readonly plan?: DatabasePlan;
    readonly error?: { readonly code: string; readonly message: string };
  };
  readonly exitCode: number;
}

async function checkDataset(context: CommandContext, dataset: DatasetConfig): Promise<Checked> {
  const terminal = context.terminal();
  const { name, sqlite, folder = '' } = dataset;
  let plan: DatabasePlan | null = null;
  try {
    if (sqlite === undefined) terminal.print(`${printable(name)}: the folder ${printable(folder)}`);
    else plan = await planOf(context, dataset, sqlite);
    const { refuseUnusable } = await import('../../refuse-unusable.js');
    refuseUnusable(dataset);
  } catch (cause) {
    const error = aboutDataset(name, cause);
    if (!terminal.isJson) terminal.fail(error);
    const told = { code: errorCodeOf(error), message: errorMessageOf(error) };
    return { result: { dataset: name, ...(plan && { plan }), error: told }, exitCode: exitCodeOf(error) };
  }
  if (plan === null) return { result: { dataset: name }, exitCode: exitCodes.ok };
  const isWhole = plan.unmatched.length === 0 && plan.tables.every(({ obstacle }) => obstacle === null);
  return { result: { dataset: name, plan }, exitCode: isWhole ? exitCodes.ok : exitCodes.needsDecision };
}

async function planOf(context: CommandContext, { name, tables }: DatasetConfig, sqlite: string): Promise<DatabasePlan> {
  const { countingProgress, planDatabase, planLines } = await import('../database-plan.js');
  const view = context.progress(context.terminal());
  const plan = planDatabase(sqlite, {
    rules: tables,
    onTable: (table, done, total) => view.show(countingProgress(name, { table, done, total })),
  });
  view.end();
  for (const line of planLines(name, plan)) context.terminal().print(line);
  return plan;
}
