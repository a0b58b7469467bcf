import type { CommandContext } from './command-context.js';

/** Names of the datasets that are folders. */
export async function foldersOf(context: CommandContext): Promise<ReadonlySet<string>> {
  const { config } = await context.config();
  return new Set(config.datasets.flatMap(({ name, folder }) => (folder === undefined ? [] : [name])));
}
