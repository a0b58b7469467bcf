// Makes the command line entry executable; the compiler does not keep modes.
import { chmodSync, existsSync } from 'node:fs';

const entry = new URL('../build/src/cli/main.js', import.meta.url);
if (existsSync(entry)) chmodSync(entry, 0o755);
