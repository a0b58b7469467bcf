import type { Command } from 'commander';
import { SyncError } from '../../core/sync-error.js';
import type { ConflictInfo } from '../../engine/decisions.js';
import type { CommandContext } from '../command-context.js';
import { sinceMs } from '../since.js';
import { countText, printable, type Terminal } from '../terminal.js';
import { withEngine } from '../with-engine.js';

interface ListOptions {
  readonly dataset?: string;
  readonly max: string;
  readonly all?: boolean;
}

export function addConflictsCommand(program: Command, context: CommandContext): void {
  const conflicts = program
    .command('conflicts')
    .description('what lost against a concurrent change, as this server found it, and putting it back')
    .exitOverride();
  conflicts
    .command('list', { isDefault: true })
    .description('what lost and nobody has decided about, newest first')
    .option('--dataset <name>', 'only this dataset')
    .option('--max <count>', 'how many at most', '50')
    .option('--all', 'also what was restored, dismissed, or settled in the folder itself')
    .action(async ({ dataset, max, all = false }: ListOptions) =>
      withEngine(context, async (call) => {
        const terminal = context.terminal();
        const query = { max: context.numberOption('--max', max), withDecided: all };
        const list = await call('conflicts', { ...query, ...(dataset !== undefined && { dataset }) });
        for (const conflict of list.conflicts) for (const line of shortLines(conflict, terminal)) terminal.print(line);
        if (list.conflicts.length === 0) terminal.print('No conflict waits for a decision.');
        if (list.more > 0) terminal.say(`${countText(list.more, 'older conflict')} not shown: list them with --max.`);
        if (list.forgotten > 0) terminal.say(`${countText(list.forgotten, 'older conflict')} are forgotten here.`);
        terminal.result(list);
      }),
    );
  conflicts
    .command('show <id>')
    .description('one conflict, both sides in full')
    .action(async (id: string) =>
      withEngine(context, async (call) => {
        const { conflicts: found } = await call('conflicts', { max: 20, idStart: id, withDecided: true });
        if (found.length === 0) throw new SyncError('USYNC-1800', `No conflict here has the id ${id}.`);
        for (const conflict of found)
          for (const line of longLines(conflict, context.terminal())) context.terminal().print(line);
        context.terminal().result({ conflicts: found });
      }),
    );
  addDecisionCommands(conflicts, context);
}

function addDecisionCommands(conflicts: Command, context: CommandContext): void {
  conflicts
    .command('restore <id...>')
    .description('put back what lost, on every server')
    .action(async (ids: string[]) =>
      withEngine(context, async (call) => {
        const reports = [];
        for (const id of ids) {
          const report = await call('restoreConflict', { id });
          const { table, key, lostBy } = report.conflict;
          const row = `${printable(table)} ${printable(key)}`;
          context
            .terminal()
            .print(
              report.kind === 'restored'
                ? `${row} ${report.rows > 0 ? 'is put back' : 'holds already what lost'}.`
                : `${row} will be put back by ${printable(lostBy)}, which knows the whole row, when it hears of it.`,
            );
          reports.push(report);
        }
        context.terminal().result({ restored: reports });
      }),
    );
  conflicts
    .command('dismiss [id...]')
    .description('take conflicts off the list, on every server that lists them; what lost stays in the log')
    .option('--all', 'all that are open in the list of this server')
    .option('--dataset <name>', 'with --all: only this dataset')
    .action(async (ids: string[], { all = false, dataset }: { readonly all?: boolean; readonly dataset?: string }) =>
      withEngine(context, async (call) => {
        if (ids.length === 0 && !all) throw new SyncError('USYNC-1103', 'Say which conflicts: their ids, or --all.');
        const outcome = await call('dismissConflicts', { ids, all, ...(dataset !== undefined && { dataset }) });
        context.terminal().print(`${countText(outcome.dismissed, 'conflict')} dismissed, on every server.`);
        if (all) context.terminal().say('Others may list more: each lists what it found itself.');
        context.terminal().result(outcome);
      }),
    );
  conflicts
    .command('prune <before>')
    .description('forget conflicts that this server found before a time (30d, or a date)')
    .action(async (before: string) =>
      withEngine(context, async (call) => {
        const outcome = await call('forgetConflicts', { foundBeforeMs: sinceMs(before, Date.now()) });
        context.terminal().print(`${countText(outcome.forgotten, 'conflict')} forgotten on this server.`);
        context.terminal().result(outcome);
      }),
    );
}

function shortLines(conflict: ConflictInfo, { paint }: Terminal): string[] {
  const { id, dataset, table, key, column, rule, kept, lost, lostBy, keptBy, decision } = conflict;
  const place = `${dataset} ${table} ${key}${column === null ? '' : ` ${column}`}`;
  const by = keptBy === null ? '' : column === null ? ` by ${keptBy}` : ` of ${keptBy}`;
  const lines = [
    `${paint('bold', id)}  ${printable(place)}  ${paint('dim', new Date(conflict.atMs).toISOString())}`,
    `  ${printable(rule)}: ${printable(cut(kept))}${printable(by)} stands, ${printable(cut(lost))} of ${printable(lostBy)} lost`,
  ];
  if (decision) lines.push(`  ${decisionText(decision)}`);
  return lines;
}

function longLines(conflict: ConflictInfo, { paint }: Terminal): string[] {
  const { id, dataset, table, key, column, rule, kept, lost, rest, lostBy, keptBy, decision, canRestore } = conflict;
  return [
    paint('bold', id),
    `  row       ${printable(`${dataset} ${table} ${key}`)}`,
    ...(column === null ? [] : [`  column    ${printable(column)}`]),
    `  rule      ${printable(rule)}`,
    `  stands    ${printable(kept)}${keptBy === null ? '' : ` (${printable(keptBy)})`}`,
    `  lost      ${printable(lost)} (${printable(lostBy)}, ${new Date(conflict.atMs).toISOString()})`,
    ...(rest ?? []).map((cell) => `            ${printable(`${cell.column} = ${cell.value}`)}`),
    `  found     ${new Date(conflict.noticedMs).toISOString()}`,
    ...(decision ? [`  decision  ${decisionText(decision)}`] : []),
    decision?.kind === 'restored' || conflict.settledMs !== null
      ? ''
      : canRestore
        ? `  usync conflicts restore ${id}`
        : `  Only ${printable(lostBy)} knows the whole row; "usync conflicts restore ${id}" asks it to put it back.`,
  ].filter((line) => line !== '');
}

function decisionText({ kind, by, atMs, why }: NonNullable<ConflictInfo['decision']>): string {
  const at = new Date(atMs).toISOString();
  if (kind === 'settled') return `settled ${at}: its copy was put back, edited, renamed or deleted`;
  const when = `by ${printable(by ?? '')}, ${at}`;
  if (kind === 'refused') return `could not be put back ${when}: ${printable(why)}`;
  return kind === 'wanted' ? `asked to be put back ${when}` : `${kind} ${when}`;
}

const cut = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 77)}...`);
