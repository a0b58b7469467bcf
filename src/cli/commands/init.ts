import type { Command } from 'commander';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { Document } from 'yaml';
import { loadConfig } from '../../config/load-config.js';
import { SyncError, errorMessageOf } from '../../core/sync-error.js';
import type { CommandContext } from '../command-context.js';
import { findDatabases } from '../find-databases.js';
import { forgetIdentity } from '../forget-identity.js';
import { printable } from '../terminal.js';

interface InitOptions {
  readonly database?: readonly string[];
  readonly folder?: readonly string[];
  readonly serverName?: string;
  readonly dryRun?: boolean;
  readonly newIdentity?: boolean;
}

export function addInitCommand(program: Command, context: CommandContext): void {
  program
    .command('init')
    .description('find the databases of the application, write the configuration, show the plan')
    .option('--database <file...>', 'these databases instead of all that are found')
    .option('--folder <folder...>', 'these folders too, with everything in them that is no database')
    .option('--server-name <name>', "what people call this server (default: the machine's name)")
    .option('--dry-run', 'show the plan, write nothing')
    .option('--new-identity', 'for a cloned machine: forget key and group, so that it can join as a new server')
    .action(async (options: InitOptions) => {
      if (options.newIdentity === true) return renew(context);
      const terminal = context.terminal();
      const path = context.configPath();
      if (existsSync(path) && options.dryRun !== true) {
        throw new SyncError('USYNC-1101', `${path} is there already and stays as it is`, {
          nextStep: 'Edit it, or move it away and run "usync init" again.',
        });
      }
      const folder = dirname(path);
      const folders = options.folder ?? [];
      const files = options.database ?? findDatabases(folder);
      const missing = files.find((file) => !existsSync(file));
      if (missing !== undefined) throw new SyncError('USYNC-1200', `there is no file ${missing}`);
      if (files.length + folders.length === 0)
        throw new SyncError('USYNC-1200', `no SQLite database was found below ${folder}`, {
          nextStep: 'Start the application once, or name the file: usync init --database FILE',
        });
      const datasets = named(files.map((file) => relative(folder, resolve(file)) || file));
      const folderDatasets = namedFolders(
        folders.map((each) => relative(folder, resolve(each)) || '.'),
        datasets,
      );
      const plans = await Promise.all(datasets.map(({ name, sqlite }) => planOrReason(name, resolve(folder, sqlite))));
      for (const each of folderDatasets) terminal.print(`${each.name}: the folder ${printable(each.folder)}`);
      for (const { lines } of plans) for (const line of lines) terminal.print(line);
      const name = options.serverName ?? hostname();
      if (options.dryRun !== true) {
        writeFileSync(path, configText(name, [...datasets, ...folderDatasets]), { flag: 'wx' });
        await loadConfig({ file: path, env: {}, flags: {}, folder, hostName: name });
        terminal.say(`Wrote ${path}. Next: usync run`);
      }
      terminal.result({
        configPath: options.dryRun === true ? null : path,
        name,
        datasets: [...datasets, ...folderDatasets],
        plans: plans.map(({ plan }) => plan),
      });
    });
}

interface NamedFile {
  readonly name: string;
  readonly sqlite: string;
}

/** Datasets are named after their files; where two files have one name, their folders are added. */
function named(files: readonly string[]): NamedFile[] {
  const short = (file: string): string => clean(basename(file, extname(file)));
  return files.map((sqlite) => ({
    sqlite,
    name: files.filter((other) => short(other) === short(sqlite)).length === 1 ? short(sqlite) : clean(sqlite),
  }));
}

interface NamedFolder {
  readonly name: string;
  readonly folder: string;
}

/** A folder that has the name of a database gets another one. */
function namedFolders(folders: readonly string[], databases: readonly NamedFile[]): NamedFolder[] {
  const taken = new Set(databases.map(({ name }) => name));
  return folders.map((folder) => {
    const short = clean(basename(resolve(folder)));
    const name = [short, `${short}-files`, clean(folder)].find((each) => !taken.has(each)) ?? `${short}-${taken.size}`;
    taken.add(name);
    return { name, folder };
  });
}

const clean = (text: string): string =>
  text
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 63) || 'database';

async function planOrReason(name: string, path: string): Promise<{ lines: string[]; plan: unknown }> {
  const { planDatabase, planLines } = await import('../database-plan.js');
  try {
    const plan = planDatabase(path);
    return { lines: planLines(name, plan), plan };
  } catch (error) {
    return { lines: [`${name}: ${errorMessageOf(error)}`], plan: { path, error: errorMessageOf(error) } };
  }
}

function configText(name: string, datasets: readonly (NamedFile | NamedFolder)[]): string {
  const document = new Document({ name, datasets });
  document.commentBefore =
    ' Universal Sync. All settings: usync config schema, docs/configuration.md\n Datasets of the same name on two servers are kept identical.';
  return document.toString();
}

async function renew(context: CommandContext): Promise<void> {
  const { config } = await context.config();
  const forgotten = await forgetIdentity(config.dataFolder);
  const terminal = context.terminal();
  terminal.print(
    forgotten.length === 0
      ? 'There was no identity to forget.'
      : 'Identity and group are forgotten; the rows stay. Next: usync join CODE',
  );
  terminal.result({ forgotten });
}
