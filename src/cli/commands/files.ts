import type { Command } from 'commander';
import type { FolderReport } from '../../engine/control-contract.js';
import type { CommandContext } from '../command-context.js';
import { bytesText, countText, printable, tableLines } from '../terminal.js';
import { withEngine } from '../with-engine.js';

export function addFilesCommand(program: Command, context: CommandContext): void {
  const files = program
    .command('files')
    .description('folders: what waits, conflict copies, replaced and deleted files')
    .exitOverride();
  files
    .command('show <dataset>')
    .description('what is not on disk yet and why, what takes no part, which conflict copies stand')
    .option('--max <count>', 'how many of each at most', '50')
    .action(async (dataset: string, { max }: { readonly max: string }) =>
      withEngine(context, async (call) => {
        const terminal = context.terminal();
        const report = await call('folder', { dataset, max: context.numberOption('--max', max) });
        for (const line of reportLines(dataset, report)) terminal.print(line);
        terminal.result(report);
      }),
    );
  files
    .command('accept <dataset>')
    .description('what is missing is meant to be gone, and this is the folder: goes on after a guard has stopped it')
    .action(async (dataset: string) =>
      withEngine(context, async (call) => {
        const outcome = await call('folderAccept', { dataset });
        const text = outcome.isAccepted
          ? 'accepted; what is missing is deleted on every server.'
          : 'no guard has stopped it, so there is nothing to accept.';
        context.terminal().print(`${printable(dataset)}: ${text}`);
        context.terminal().result(outcome);
      }),
    );
  files
    .command('put-back <dataset>')
    .description(
      'what is missing was no wish, or the folder is new: it is filled again, from other servers or the history',
    )
    .action(async (dataset: string) =>
      withEngine(context, async (call) => {
        const outcome = await call('folderPutBack', { dataset });
        context.terminal().print(`${printable(dataset)}: ${putBackText(outcome.entries)}`);
        context.terminal().result(outcome);
      }),
    );
  addHistoryCommands(files, context);
}

const putBackText = (entries: number): string =>
  entries === 0
    ? 'nothing is missing.'
    : `${countText(entries, 'entry', 'entries')} on the way back; see with "usync files show".`;

function addHistoryCommands(files: Command, context: CommandContext): void {
  files
    .command('history <dataset> [path]')
    .description('files that were replaced or deleted here by other servers, newest first')
    .option('--max <count>', 'how many at most', '50')
    .action(async (dataset: string, path: string | undefined, { max }: { readonly max: string }) =>
      withEngine(context, async (call) => {
        const terminal = context.terminal();
        const query = { dataset, max: context.numberOption('--max', max), ...(path !== undefined && { path }) };
        const history = await call('folderHistory', query);
        const rows = history.map((each) => [
          String(each.id),
          new Date(each.atMs).toISOString(),
          each.reason,
          bytesText(each.size),
          printable(each.path),
        ]);
        for (const line of tableLines([['number', 'when', 'what', 'size', 'path'], ...rows])) terminal.print(line);
        terminal.result({ history });
      }),
    );
  files
    .command('restore <dataset> <number>')
    .description('put a file of the history back at its path; what stands there goes to the history')
    .action(async (dataset: string, number: string) =>
      withEngine(context, async (call) => {
        const restored = await call('folderRestore', { dataset, id: context.numberOption('number', number) });
        context.terminal().print(`${printable(restored.path)} is back here, and goes to every server.`);
        context.terminal().result({ restored });
      }),
    );
}

function reportLines(
  dataset: string,
  { status, waiting, leftOut, missing, copies, unportable }: FolderReport,
): string[] {
  const { entries, bytes, pending } = status;
  const lines = [
    `${printable(dataset)}: ${countText(entries, 'entry', 'entries')}, ${bytesText(bytes)}${pending > 0 ? `, ${pending} not on disk yet` : ''}`,
  ];
  if (status.problem !== null) lines.push(printable(status.problem.text));
  const section = (title: string, rows: readonly string[]): void => {
    if (rows.length > 0) lines.push('', title, ...rows.map((row) => `  ${printable(row)}`));
  };
  section(
    'Waits here:',
    waiting.map(({ path, reason }) => `${path}: ${reason}`),
  );
  section('Missing here, and deleted nowhere else while the guard holds it:', missing);
  if (missing.length > 0)
    lines.push(
      `  It was no wish: "usync files put-back ${printable(dataset)}". It is meant to be gone: "usync files accept ${printable(dataset)}".`,
    );
  section(
    'Conflict copies (delete or rename them when you have looked):',
    copies.map(({ path, copyOf }) => `${path} lost against ${copyOf ?? ''}`),
  );
  section(
    'Takes no part:',
    leftOut.map(({ path, reason }) => `${path}: ${reason}`),
  );
  section(
    'Stands here, and cannot on every system:',
    unportable.map(({ path, reason }) => `${path}: ${reason}`),
  );
  return lines;
}
