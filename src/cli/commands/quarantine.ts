import type { Command } from 'commander';
import type { QuarantineInfo } from '../../engine/decisions.js';
import type { CommandContext } from '../command-context.js';
import { countText, printable, type Terminal } from '../terminal.js';
import { withEngine } from '../with-engine.js';

export function addQuarantineCommand(program: Command, context: CommandContext): void {
  const quarantine = program
    .command('quarantine')
    .description('rows that cannot be shown here yet, and what would free them')
    .exitOverride();
  quarantine
    .command('list', { isDefault: true })
    .description('all rows that are held back here')
    .option('--dataset <name>', 'only this dataset')
    .option('--max <count>', 'how many at most', '50')
    .action(async ({ dataset, max }: { readonly dataset?: string; readonly max: string }) =>
      withEngine(context, async (call) => {
        const terminal = context.terminal();
        const shown = context.numberOption('--max', max);
        const query = { max: shown + 1, ...(dataset !== undefined && { dataset }) };
        const found = await call('quarantine', query);
        const held = found.slice(0, shown);
        for (const row of held) for (const line of linesOf(row, terminal)) terminal.print(line);
        if (held.length === 0) terminal.print('Nothing is held back.');
        if (found.length > shown) terminal.say('More rows are held back: list them with --max.');
        terminal.result({ held });
      }),
    );
  quarantine
    .command('show <id>')
    .description('one row that is held back, with all its values')
    .action(async (id: string) =>
      withEngine(context, async (call) => {
        const terminal = context.terminal();
        const held = await call('quarantine', { max: 20, idStart: id });
        for (const row of held) {
          for (const line of linesOf(row, terminal)) terminal.print(line);
          for (const { column, value } of row.cells) terminal.print(`    ${printable(`${column} = ${value}`)}`);
        }
        if (held.length === 0) terminal.print(`No row with the id ${printable(id)} is held back here.`);
        terminal.result({ held });
      }),
    );
  addQuarantineDecisions(quarantine, context);
}

function addQuarantineDecisions(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('retry')
    .description('try again to show what is held back')
    .action(async () =>
      withEngine(context, async (call) => {
        const outcome = await call('retryHeld', {});
        const text =
          outcome.held === 0 ? 'Nothing is held back.' : `${countText(outcome.held, 'row')} still held back.`;
        context.terminal().print(text);
        context.terminal().result(outcome);
      }),
    );
  quarantine
    .command('drop <id>')
    .description('delete a row that is held back, on every server')
    .action(async (id: string) =>
      withEngine(context, async (call) => {
        const dropped = await call('dropHeld', { id });
        context.terminal().print(`${printable(`${dropped.table} ${dropped.key}`)} is deleted on every server.`);
        context.terminal().result({ dropped });
      }),
    );
}

function linesOf(
  { id, dataset, table, key, reason, freedBy, writtenBy, atMs }: QuarantineInfo,
  { paint }: Terminal,
): string[] {
  // Of a file that waits nobody notes since when, and by whom it is.
  const written = atMs === 0 ? '' : `  ${paint('dim', `${printable(writtenBy)}, ${new Date(atMs).toISOString()}`)}`;
  return [
    `${paint('bold', id)}  ${printable(`${dataset} ${table} ${key}`)}${written}`,
    `  ${printable(reason)}; freed by ${printable(freedBy)}`,
  ];
}
