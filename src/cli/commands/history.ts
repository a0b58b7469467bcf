import type { Command } from 'commander';
import { SyncError } from '../../core/sync-error.js';
import type { CommandContext } from '../command-context.js';
import { pathEventLine } from '../path-event-line.js';
import { printable } from '../terminal.js';
import { withEngine } from '../with-engine.js';

interface HistoryOptions {
  readonly dataset?: string;
  readonly max: string;
}

const help = `
Examples:
  usync history orders 57
  usync history seats A 12              # a key of two columns
  usync history uploads plans/plan.txt  # a file, or all files of a folder in it
  usync history uploads                 # all files

A path begins at the folder of the dataset. What has the name of a folder dataset is that folder; a table of the same name
is meant with --dataset and the name of its database. Earlier contents come back with usync files history and usync files
restore, on a server that keeps them.`;

export function addHistoryCommand(program: Command, context: CommandContext): void {
  program
    .command('history <table> [key...]')
    .usage('[options] <table> <key...>\n       usync history [options] <folder> [path]')
    .description('what happened to one row or file, by whom and when, as far back as the journal goes')
    .option('--dataset <name>', 'the dataset, where several have such a table')
    .option('--max <count>', 'how many changes at most', '50')
    .addHelpText('after', help)
    .action(async (name: string, key: string[], { dataset, max }: HistoryOptions) => {
      const { config } = await context.config();
      const chosen = config.datasets.find((each) => each.name === (dataset ?? name));
      const query = { name, key, dataset, max: context.numberOption('--max', max) };
      await (chosen?.folder === undefined
        ? tellRow(context, query)
        : tellPath(context, { ...query, dataset: chosen.name }));
    });
}

interface HistoryQuestion {
  readonly name: string;
  readonly key: readonly string[];
  readonly max: number;
  readonly dataset: string | undefined;
}

const wordByKind = {
  insert: 'inserted',
  update: 'changed',
  end: 'deleted',
  merge: 'became one with another row',
} as const;

const tellRow = (context: CommandContext, { name: table, key, dataset, max }: HistoryQuestion): Promise<void> =>
  withEngine(context, async (call) => {
    const terminal = context.terminal();
    const query = { table, key, max, ...(dataset !== undefined && { dataset }) };
    const history = await call('rowHistory', query);
    for (const { kind, by, atMs, cells } of history.versions) {
      terminal.print(`${new Date(atMs).toISOString()}  ${printable(by)} ${wordByKind[kind]}`);
      for (const { column, value } of cells) terminal.print(`    ${printable(`${column} = ${value}`)}`);
    }
    if (history.versions.length === 0) terminal.print('The journal holds nothing of this row.');
    else if (!history.isWhole) terminal.say('What came before is older than the journal.');
    terminal.result(history);
  });

async function tellPath(
  context: CommandContext,
  { name, key, dataset, max }: HistoryQuestion & { readonly dataset: string },
): Promise<void> {
  const [path, second] = key;
  if (name !== dataset || second !== undefined)
    throw new SyncError('USYNC-1802', `${dataset} is a folder: its history is that of one path, or of all.`, {
      nextStep: `usync history ${dataset} PATH, with quotes around a path that has blanks.`,
    });
  await withEngine(context, async (call) => {
    const terminal = context.terminal();
    const history = await call('pathHistory', { dataset, max, ...(path !== undefined && { path }) });
    for (const event of history.events) {
      terminal.print(pathEventLine(event));
      if (event.keptAs !== null)
        terminal.print(`    What stood before is kept here: usync files restore ${printable(dataset)} ${event.keptAs}`);
    }
    if (history.events.length === 0)
      terminal.print(`The journal holds nothing of ${history.path === null ? 'this folder' : 'this path'}.`);
    else if (!history.isWhole)
      terminal.say(
        history.events.length < max
          ? 'What came before is older than the journal.'
          : 'There is more before: list it with --max.',
      );
    terminal.say(`Earlier contents that this server keeps: usync files history ${dataset}`);
    terminal.result(history);
  });
}
