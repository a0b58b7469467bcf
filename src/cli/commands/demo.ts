import type { Command } from 'commander';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { DemoServer } from '../demo/demo-server.js';

interface DemoOptions {
  readonly keep?: boolean;
}

export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('three servers of a sample application on this machine, syncing before your eyes')
    .option('--keep', 'leave the servers running')
    .action(async (options: DemoOptions) => {
      const { createDemoServer } = await import('../demo/demo-server.js');
      const { tellDemo } = await import('../demo/demo-story.js');
      const terminal = context.terminal();
      const root = mkdtempSync(join(tmpdir(), 'usync-demo-'));
      const servers: DemoServer[] = [];
      try {
        for (const name of ['pit', 'stands', 'judges']) servers.push(await createDemoServer(root, name));
        const isProven = await tellDemo(terminal, servers);
        if (options.keep === true) tellWhereTheyRun(servers, (line) => terminal.print(line));
        context.exitWith(isProven ? exitCodes.ok : exitCodes.notInSync);
      } finally {
        await leave(servers, options.keep === true);
        if (options.keep !== true) rmSync(root, { recursive: true, force: true });
      }
    });
}

async function leave(servers: readonly DemoServer[], isKept: boolean): Promise<void> {
  for (const server of servers) {
    if (isKept) server.control().close();
    else await server.stop();
    server.scouting.close();
    server.accounts.close();
  }
}

function tellWhereTheyRun(servers: readonly DemoServer[], print: (line: string) => void): void {
  print('');
  print('The servers go on running. Write to any scouting.db and look at another one:');
  for (const { name, configPath, pid } of servers)
    print(`  ${name.padEnd(7)} usync --config ${configPath} status --watch   (pid ${pid ?? 0})`);
  print('Their dashboards, each with a link for its first user:');
  for (const { name, configPath, pageUrl } of servers)
    print(`  ${name.padEnd(7)} ${pageUrl}   usync --config ${configPath} setup-link`);
  print(`Stop them with: kill ${servers.map(({ pid }) => pid ?? '').join(' ')}`);
}
