import { optionEntries, type OptionEntry } from './option-entry.js';

/** The options for a terminal, one a paragraph. */
export function optionHelp(): string {
  return optionEntries()
    .map((entry) => `  ${entry.flag} ${placeholder(entry)}  (${entry.variable}, ${entry.path})\n      ${helpOf(entry)}`)
    .join('\n');
}

const placeholder = (entry: OptionEntry): string =>
  entry.choices.length > 0 ? entry.choices.join('|') : entry.kind === 'list' ? 'A,B' : entry.kind.toUpperCase();

const helpOf = (entry: OptionEntry): string =>
  entry.fallback === undefined || (Array.isArray(entry.fallback) && entry.fallback.length === 0)
    ? entry.help
    : `${entry.help} Default: ${JSON.stringify(entry.fallback).replaceAll('"', '')}.`;

/** The same as a table for docs/configuration.md. */
export function optionTable(): string {
  const rows = optionEntries().map(
    (entry) =>
      `| \`${entry.path}\` | \`${entry.variable}\` | \`${entry.flag}\` | ${entry.fallback === undefined ? '' : `\`${JSON.stringify(entry.fallback)}\``} | ${helpOf({ ...entry, fallback: undefined })} |`,
  );
  return ['| file | environment | flag | default | meaning |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}
