import type { Command } from 'commander';
import { configJsonSchema } from '../../config/config-schema.js';
import type { CommandContext } from '../command-context.js';
import { printable } from '../terminal.js';

export function addConfigCommand(program: Command, context: CommandContext): void {
  const config = program.command('config').description('the configuration').exitOverride();
  config
    .command('show', { isDefault: true })
    .description('every setting and where it comes from')
    .action(async () => {
      const { config: settings, origins } = await context.config();
      const terminal = context.terminal();
      for (const [key, { where }] of origins)
        for (const line of settingLines(key, valueAt(settings, key), where)) terminal.print(line);
      terminal.result({ config: settings, origins: Object.fromEntries(origins) });
    });
  config
    .command('schema')
    .description('the JSON Schema of the configuration file, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}

/** `key = value  (where from)`; what holds several values has a line for each of them. */
function settingLines(key: string, value: unknown, where: string): string[] {
  const from = where === 'default' ? '' : `  (${printable(where)})`;
  if (value === undefined) return [`${key} is not set`];
  if (typeof value !== 'object' || value === null) return [`${key} = ${textOf(value)}${from}`];
  const inner = leavesOf(value, []);
  if (inner.length === 0) return [`${key} = none${from}`];
  return [`${key}:${from}`, ...inner.map(([path, text]) => `  ${path} = ${text}`)];
}

function leavesOf(value: unknown, path: readonly string[]): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[path.join('.'), textOf(value)]];
  return Object.entries(value).flatMap(([key, each]) => leavesOf(each, [...path, printable(key)]));
}

const textOf = (value: unknown): string => printable(typeof value === 'string' ? value : JSON.stringify(value));

function valueAt(settings: unknown, key: string): unknown {
  let value = settings;
  for (const name of key.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}
