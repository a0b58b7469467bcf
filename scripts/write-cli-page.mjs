// Writes docs/cli.md from the command line's own help. A test holds both equal.
import { writeFileSync } from 'node:fs';
import { cliPage } from '../build/src/cli/cli-page.js';

writeFileSync(new URL('../docs/cli.md', import.meta.url), cliPage());
