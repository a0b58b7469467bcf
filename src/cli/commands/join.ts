import type { Command } from 'commander';
import type { JoinOptions, JoinPreview, JoinReport } from '../../engine/engine.js';
import type { CommandContext } from '../command-context.js';
import { SyncError, errorCodeOf } from '../../core/sync-error.js';
import { foldersOf } from '../folders-of.js';
import { exitCodes } from '../exit-codes.js';
import type { WorkProgress } from '../../engine/work-progress.js';
import { createRealSystem } from '../../system/real-system.js';
import { createProgressView } from '../progress-view.js';
import { printable, tableLines, type Terminal } from '../terminal.js';

interface JoinCommandOptions {
  readonly dryRun?: boolean;
  readonly sameRows?: boolean;
  readonly distinctRows?: boolean;
}

const details = `
Works beside a running "usync run" and without one.

Exit code 0 when this server is in or waits for approval, 5 when a choice is needed, 7 when the code is mistyped, used or
expired or the inviting server does not trust this one, 1 when it cannot be reached.`;

export function addJoinCommand(program: Command, context: CommandContext): void {
  program
    .command('join <code>')
    .description('join the group that an invite code names')
    .option('--dry-run', 'only tell what joining would do to the rows here')
    .option('--same-rows', 'rows with equal generated numbers on both sides are the same rows')
    .option('--distinct-rows', "they are different rows; this server's get new numbers")
    .addHelpText('after', details)
    .action(async (code: string, options: JoinCommandOptions) => {
      const terminal = context.terminal();
      const report = await join(context, joinOptions(code, options));
      const folders = await foldersOf(context);
      for (const line of joinLines(report, { ...options, folders })) terminal.print(line);
      terminal.result(report);
      const isUnclear = report.datasets.some(({ preview }) => preview?.isUnclear === true);
      const isOpen = report.state === 'previewed' && isUnclear && !isChosen(options);
      context.exitWith(isOpen ? exitCodes.needsDecision : exitCodes.ok);
    });
}

function joinOptions(code: string, options: JoinCommandOptions): JoinOptions {
  if (options.sameRows === true && options.distinctRows === true)
    throw new SyncError('USYNC-1103', '--same-rows and --distinct-rows exclude each other');
  const choice = options.sameRows === true ? 'same-rows' : options.distinctRows === true ? 'distinct-rows' : undefined;
  return { code: code.trim(), isDryRun: options.dryRun === true, ...(choice === undefined ? {} : { choice }) };
}

/** Through the running engine; where none runs, one is started for the time of joining. */
async function join(context: CommandContext, options: JoinOptions): Promise<JoinReport> {
  const terminal = context.terminal();
  const system = createRealSystem();
  const view = createProgressView({ terminal, nowMs: () => system.monotonicMs() });
  const onProgress = (progress: WorkProgress): void => view.show(progress);
  const client = await context.connect().catch((error: unknown) => {
    if (errorCodeOf(error) === 'USYNC-1506') return null;
    throw error;
  });
  try {
    if (client) return await client.call('join', options, { onProgress });
    return await joinWithOwnEngine(context, { ...options, onProgress }, terminal);
  } finally {
    view.end();
    client?.close();
  }
}

async function joinWithOwnEngine(
  context: CommandContext,
  options: JoinOptions,
  terminal: Terminal,
): Promise<JoinReport> {
  const { createQuietEngine } = await import('../engine-with-log.js');
  const engine = createQuietEngine((await context.config()).config);
  try {
    await engine.start();
    const report = await engine.join(options);
    if (report.state === 'joined' && !report.wasMember) terminal.say('Joined. Run "usync run" to stay in sync.');
    return report;
  } finally {
    await engine.stop('joining is done');
  }
}

const isChosen = ({ sameRows, distinctRows }: JoinCommandOptions): boolean =>
  sameRows === true || distinctRows === true;

interface Telling extends JoinCommandOptions {
  readonly folders: ReadonlySet<string>;
}

function joinLines(report: JoinReport, options: Telling): string[] {
  const words = {
    joined: 'Joined the group of',
    pending: 'Waiting for approval by the group of',
    previewed: 'Nothing was changed. Joining the group of',
  };
  const lines = [
    report.wasMember && !isChosen(options)
      ? `This server is in the group of ${printable(report.invitedBy)} already; the code was not used.`
      : `${words[report.state]} ${printable(report.invitedBy)}.`,
  ];
  for (const { dataset, preview } of report.datasets) {
    if (preview === null) {
      lines.push(
        `${printable(dataset)}: nothing to compare. The group has no such dataset yet, or this server has its data.`,
      );
      continue;
    }
    const isFolder = options.folders.has(dataset);
    const rows = preview.tables.map((each) =>
      [printable(each.table), each.same, each.differing, each.apart, each.onlyHere, each.onlyThere].map(String),
    );
    lines.push(
      `${printable(dataset)}:`,
      ...tableLines([
        ['  table', 'same', 'differing', 'apart', 'only here', 'only there'],
        ...rows.map(([name, ...counts]) => [`  ${name ?? ''}`, ...counts]),
      ]),
    );
    lines.push(...(isFolder ? folderOutcome(preview) : outcomeLines(preview, options)));
  }
  return lines;
}

/** Files are compared by content; both contents stay. */
const folderOutcome = ({ tables }: JoinPreview): string[] =>
  tables.every(({ differing }) => differing === 0)
    ? []
    : ['  Where files differ, one keeps the name; the other stands beside it as a conflict copy.'];

/** What becomes of rows that differ: told by the choice, where one was made. */
function outcomeLines({ tables, isUnclear }: JoinPreview, options: JoinCommandOptions): string[] {
  if (tables.every(({ differing, apart }) => differing + apart === 0)) return [];
  const groupStands = "the group's value stands; the one here goes to the conflict log.";
  if (options.distinctRows === true)
    return [
      '  Rows with equal generated numbers that differ are different rows: those of this server get new numbers.',
      `  Where other rows differ, ${groupStands}`,
    ];
  const lines = [`  Where rows differ, ${groupStands}`];
  if (options.sameRows !== true && tables.some(({ apart }) => apart > 0))
    lines.push('  Rows that were made apart under equal numbers all stand: those of this server get new numbers.');
  if (isUnclear && !isChosen(options))
    lines.push('  It is unclear whether rows with equal numbers are the same: choose --same-rows or --distinct-rows.');
  return lines;
}
