import type { Command } from 'commander';
import { createProgram } from './program.js';

/** docs/cli.md: the help of every command, as the terminal shows it. */
export function cliPage(): string {
  const { program } = createProgram();
  const sections = [program, ...program.commands.filter((command) => command.name() !== 'help')].flatMap(sectionsOf);
  return `# Commands

Data goes to standard output, talk to standard error. With \`--json\` the result is one JSON document; its fields are those of the
types in \`src/engine/engine.ts\` and \`src/engine/engine-status.ts\`, and they are only ever added to. An error is
\`{ "error": { "code", "message", "nextStep", "facts" } }\`.

${sections.join('\n')}`;
}

function sectionsOf(command: Command): string[] {
  command.configureHelp({ helpWidth: 100 });
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  const path = pathOf(command);
  const below = command.parent ? command.commands.filter((each) => each.name() !== 'help').flatMap(sectionsOf) : [];
  return [`## ${path}\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`, ...below];
}

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
