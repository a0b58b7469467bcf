import type { Command } from 'commander';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { Document } from 'yaml';
import { loadConfig } from '../../config/load-config.js';
import { SyncError, errorMessageOf } from '../../core/sync-error.js';
import type { CommandContext } from '../command-context.js';
import { addFolders } from '../add-folders.js';
import { findDatabases } from '../find-databases.js';
import { findFolders, type FoundFolder } from '../find-folders.js';
import { forgetIdentity } from '../forget-identity.js';
import { nameDatabases, nameFolders, type NamedFile, type NamedFolder } from '../name-datasets.js';
import type { ProgressView } from '../progress-view.js';
import { countText, printable } from '../terminal.js';

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
    .description('find the databases of the application, name folders of files, write the configuration, show the plan')
    .option('--database <file...>', 'these databases instead of all that are found')
    .option(
      '--folder <folder...>',
      'these folders too, with everything in them that is no database; also added to a configuration that is there',
    )
    .option('--server-name <name>', "what people call this server (default: the machine's name)")
    .option('--dry-run', 'show the plan, write nothing')
    .option('--new-identity', 'for a cloned machine: forget key and group, so that it can join as a new server')
    .action(async (options: InitOptions) => {
      if (options.newIdentity === true) return renew(context, options);
      const terminal = context.terminal();
      const path = context.configPath();
      if (existsSync(path) && options.folder !== undefined && options.database === undefined)
        return extend(context, path, options);
      if (existsSync(path)) {
        if (options.dryRun !== true) throw thereAlready(path, options);
        terminal.say(`${path} is there already. This is what a new one would hold.`);
      }
      const folder = dirname(path);
      const folders = options.folder ?? [];
      const files = options.database ?? findDatabases(folder).map((file) => join(folder, file));
      const missing = files.find((file) => !existsSync(file));
      if (missing !== undefined) throw new SyncError('USYNC-1200', `there is no file ${missing}`);
      const proposed = options.folder === undefined ? findFolders(folder) : [];
      if (files.length + folders.length === 0) throw nothingFound(folder, proposed);
      const found = nameDatabases(files.map((file) => relative(folder, resolve(file)) || file));
      const folderDatasets = nameFolders(
        folders.map((each) => relative(folder, resolve(each)) || '.'),
        { base: folder, names: found.map(({ name }) => name) },
      );
      const view = context.progress(terminal);
      const plans: Planned[] = [];
      for (const { name, sqlite } of found) plans.push(await planOrReason(name, resolve(folder, sqlite), view));
      view.end();
      const datasets = found.filter((_, at) => plans[at]?.failure === null);
      const failure = plans.find((plan) => plan.failure !== null)?.failure;
      // Who names a file wants that one; of those that were found, the others are taken.
      if (failure && (options.database !== undefined || datasets.length + folders.length === 0)) throw failure;
      for (const line of folderDatasets.flatMap((each) => folderLines(each))) terminal.print(line);
      for (const { lines } of plans) for (const line of lines) terminal.print(line);
      for (const line of proposalLines(proposed)) terminal.print(line);
      const name = options.serverName ?? hostname();
      if (options.dryRun !== true) {
        writeFileSync(path, configText(name, [...datasets, ...folderDatasets]), { flag: 'wx' });
        await loadConfig({ file: path, env: {}, flags: {}, folder, hostName: name });
        terminal.say(`Wrote ${path}. Next: usync run`);
      } else terminal.say('Nothing was written.');
      terminal.result({
        configPath: options.dryRun === true ? null : path,
        name,
        datasets: [...datasets, ...folderDatasets],
        plans: plans.map(({ plan }) => plan),
        proposedFolders: proposed.map((each) => each.folder),
      });
    });
}

/** What stays at home is counted by content, which takes as long as reading the folder does: `usync files show` tells it. */
const folderLines = ({ name, folder }: NamedFolder): string[] => [
  `${name}: the folder ${printable(folder)}, with all that is in it but databases, locks, temporary files, secrets, caches and`,
  `  what .usyncignore names; "usync files show ${printable(name)}" lists what stays at home, once it runs`,
];

/** Only named, since a folder that was not meant would be copied to every server. */
function proposalLines(proposed: readonly FoundFolder[]): string[] {
  if (proposed.length === 0) return [];
  const lines = proposed.map(({ folder, files, isMore }) => {
    const count = `${isMore ? 'more than ' : ''}${countText(files, 'file')}`;
    return `  ${printable(folder)}: ${count}; to sync it too: usync init --folder ${quoted(folder)}`;
  });
  return ['Folders that look like data of the application, not synced yet:', ...lines];
}

const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${printable(text)}'`);

const nothingFound = (folder: string, proposed: readonly FoundFolder[]): SyncError =>
  new SyncError('USYNC-1200', `no SQLite database was found below ${folder}`, {
    nextStep: [
      'Start the application once, or name the file: usync init --database FILE',
      ...proposed.slice(0, 1).map((each) => `For files alone: usync init --folder ${quoted(each.folder)}`),
    ].join('\n'),
  });

async function extend(context: CommandContext, path: string, options: InitOptions): Promise<void> {
  if (options.serverName !== undefined)
    throw new SyncError('USYNC-1101', `${path} is there already, and names this server`, {
      nextStep: 'Change "name" in it, and restart "usync run".',
    });
  const terminal = context.terminal();
  const { folder: folders = [], dryRun: isDryRun = false } = options;
  const added = await addFolders(path, { folders, hostName: hostname(), isDryRun });
  for (const line of added.flatMap((each) => folderLines(each))) terminal.print(line);
  terminal.say(
    added.length === 0
      ? `${path} names ${folders.length === 1 ? 'this folder' : 'these folders'} already.`
      : isDryRun
        ? `${path} stays as it is.`
        : `Added to ${path}. Next: restart "usync run", here and with the same names on the other servers.`,
  );
  terminal.result({ configPath: path, added });
}

const thereAlready = (path: string, { serverName }: InitOptions): SyncError =>
  new SyncError('USYNC-1101', `${path} is there already and stays as it is`, {
    nextStep:
      serverName === undefined
        ? 'To add a folder: usync init --folder FOLDER. Else edit it, or move it away and run "usync init" again.'
        : 'To rename this server, change "name" in it, and restart "usync run".',
  });

interface Planned {
  readonly lines: readonly string[];
  readonly plan: unknown;
  /** Why the database cannot be synced at all. */
  readonly failure: SyncError | null;
}

async function planOrReason(name: string, path: string, view: ProgressView): Promise<Planned> {
  const { countingProgress, planDatabase, planLines } = await import('../database-plan.js');
  try {
    const plan = planDatabase(path, {
      onTable: (table, done, total) => view.show(countingProgress(name, { table, done, total })),
    });
    return { lines: planLines(name, plan), plan, failure: null };
  } catch (error) {
    const text = errorMessageOf(error);
    // A lock passes; it says nothing against the database.
    const failure = error instanceof SyncError && error.code !== 'USYNC-1201' ? error : null;
    const lines = [`${name}: ${failure === null ? '' : 'not taken: '}${printable(text)}`];
    return { lines, plan: { path, error: text }, failure };
  }
}

function configText(name: string, datasets: readonly (NamedFile | NamedFolder)[]): string {
  const document = new Document({ name, datasets });
  document.commentBefore =
    ' Universal Sync. All settings: usync config schema, docs/configuration.md\n Datasets of the same name on two servers are kept identical.';
  return document.toString();
}

async function renew(context: CommandContext, options: InitOptions): Promise<void> {
  if (Object.keys(options).some((name) => name !== 'newIdentity'))
    throw new SyncError('USYNC-1103', '--new-identity goes with no other option: the configuration stays as it is');
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
