import type { Command } from 'commander';
import { configJsonSchema } from '../../config/config-schema.js';
import type { CommandContext } from '../command-context.js';
import { printable, tableLines } from '../terminal.js';

export function addConfigCommand(program: Command, context: CommandContext): void {
  const config = program.command('config').description('the configuration').exitOverride();
  config
    .command('show', { isDefault: true })
    .description('every setting and where it comes from')
    .action(async () => {
      const { config: settings, origins } = await context.config();
      const rows = [...origins].map(([key, origin]) => [
        key,
        printable(JSON.stringify(valueAt(settings, key)) ?? ''),
        origin.where,
      ]);
      for (const line of tableLines([['setting', 'value', 'from'], ...rows])) context.terminal().print(line);
      context.terminal().result({ config: settings, origins: Object.fromEntries(origins) });
    });
  config
    .command('schema')
    .description('the JSON Schema of the configuration file, for editors')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
}

function valueAt(settings: unknown, key: string): unknown {
  let value = settings;
  for (const name of key.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return value;
}
