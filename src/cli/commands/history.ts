import type { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { printable } from '../terminal.js';
import { withEngine } from '../with-engine.js';

const wordByKind = {
  insert: 'inserted',
  update: 'changed',
  end: 'deleted',
  merge: 'became one with another row',
} as const;

export function addHistoryCommand(program: Command, context: CommandContext): void {
  program
    .command('history <table> <key...>')
    .description('what happened to one row, by whom and when, as far back as the journal goes')
    .option('--dataset <name>', 'the dataset, where several have such a table')
    .option('--max <count>', 'how many changes at most', '50')
    .addHelpText('after', '\nExamples:\n  usync history orders 57\n  usync history seats A 12   # a key of two columns')
    .action(
      async (table: string, key: string[], { dataset, max }: { readonly dataset?: string; readonly max: string }) =>
        withEngine(context, async (call) => {
          const terminal = context.terminal();
          const query = { table, key, max: context.numberOption('--max', max) };
          const history = await call('rowHistory', { ...query, ...(dataset !== undefined && { dataset }) });
          for (const { kind, by, atMs, cells } of history.versions) {
            terminal.print(`${new Date(atMs).toISOString()}  ${printable(by)} ${wordByKind[kind]}`);
            for (const { column, value } of cells) terminal.print(`    ${printable(`${column} = ${value}`)}`);
          }
          if (history.versions.length === 0) terminal.print('The journal holds nothing of this row.');
          else if (!history.isWhole) terminal.say('What came before is older than the journal.');
          terminal.result(history);
        }),
    );
}
