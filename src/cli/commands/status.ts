import type { Command } from 'commander';
import type { DatasetStatus, EngineStatus, PeerStatus } from '../../engine/engine-status.js';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { workLine } from '../progress-view.js';
import { bytesText, countText, durationText, printable, tableLines, type Terminal } from '../terminal.js';

interface StatusOptions {
  readonly watch?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

export function addStatusCommand(program: Command, context: CommandContext): void {
  program
    .command('status')
    .description('what is in sync, what is not, why, and what to do')
    .option('--watch', 'stay and show changes as they happen')
    .option('--wait', 'wait until everything is proven to be in sync')
    .option('--timeout <seconds>', 'how long --wait waits', '60')
    .addHelpText(
      'after',
      '\nExamples:\n  usync status\n  usync status --wait --timeout 120 --json\n\nExit code 0 when in sync, 3 when not.',
    )
    .action(async (options: StatusOptions) => {
      const terminal = context.terminal();
      const client = await context.connect();
      try {
        if (options.watch === true && terminal.isInteractive)
          return await watch(terminal, () => client.call('status', {}));
        const timeoutMs = context.amountOption('--timeout', options.timeout) * 1000;
        const status =
          options.wait === true ? await client.call('wait', { timeoutMs }) : await client.call('status', {});
        for (const line of statusLines(status, terminal)) terminal.print(line);
        for (const line of await pageLines(context)) terminal.print(line);
        terminal.result(status);
        context.exitWith(status.isInSync ? exitCodes.ok : exitCodes.notInSync);
      } finally {
        client.close();
      }
    });
}

/** Only where it is not where people look for it. */
async function pageLines(context: CommandContext): Promise<string[]> {
  const { pagePlace } = await import('../page-place.js');
  const place = await pagePlace((await context.config()).config);
  return place === null || place.note === null ? [] : ['', `The page: ${printable(place.url)}`, `  ${place.note}`];
}

async function watch(terminal: Terminal, read: () => Promise<EngineStatus>): Promise<void> {
  for (;;) {
    terminal.redraw(statusLines(await read(), terminal));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** The status for people: a sentence, then problems with their next step, then servers and datasets. */
function statusLines(status: EngineStatus, { paint }: Pick<Terminal, 'paint'>): string[] {
  const colour = isSameEverywhere(status) ? 'green' : status.state === 'degraded' ? 'red' : 'yellow';
  const lines = [paint(colour, printable(status.headline))];
  for (const problem of status.problems) {
    const times = problem.count > 1 ? ` (${problem.count} times)` : '';
    lines.push(
      `${paint(problem.level === 'error' ? 'red' : 'yellow', '!')} ${printable(`${problem.subject}: ${problem.reason}${times}`)}`,
    );
    lines.push(`  ${printable(problem.nextStep)} ${paint('dim', problem.code)}`);
  }
  if (status.peers.length > 0)
    lines.push(
      '',
      ...tableLines([
        ['server', 'connection', 'last contact', 'data'],
        ...status.peers.map((peer) => peerRow(peer, status.atMs)),
      ]),
    );
  const datasets = status.datasets.map((each) => [
    printable(each.name),
    each.state,
    each.folder ? 'folder' : countText(each.tables, 'table'),
    countText(each.rows, each.folder ? 'path' : 'row'),
    [
      ...(heldOf(each) > 0 ? [`${countText(heldOf(each), 'row')} held here (usync quarantine)`] : []),
      ...(each.folder && each.folder.leftOut > 0
        ? [`${each.folder.leftOut} take no part (usync files show ${printable(each.name)})`]
        : []),
      ...(each.conflicts > 0 ? [`${countText(each.conflicts, 'conflict')} to look at (usync conflicts)`] : []),
      `journal ${bytesText(each.journalBytes)}`,
    ].join(', '),
  ]);
  const works = status.datasets.flatMap(({ work }) => work ?? []);
  if (works.length > 0) lines.push('', ...works.map((work) => workLine(work)));
  if (datasets.length > 0) lines.push('', ...tableLines([['dataset', 'state', 'tables', 'rows', ''], ...datasets]));
  return lines;
}

/** Not what cannot be compared, and not what stays on this server although nobody wished that. */
const isSameEverywhere = ({ isInSync, datasets }: EngineStatus): boolean =>
  isInSync &&
  datasets.every(({ notCompared, refused, keyless }) => notCompared.length + refused.length + keyless.length === 0);

/** Rows of tables that are not here are counted in the quarantine only. */
const heldOf = ({ held, quarantined, folder }: DatasetStatus): number =>
  folder === null ? Math.max(held, quarantined) : 0;

function peerRow(peer: PeerStatus, nowMs: number): string[] {
  const contact =
    peer.lastContactMs === null ? 'never' : `${durationText(Math.max(nowMs - peer.lastContactMs, 0))} ago`;
  const data = peer.datasets.map((each) => `${printable(each.dataset)} ${each.state}`).join(', ');
  return [printable(peer.name), peer.connection, contact, data === '' ? '-' : data];
}
