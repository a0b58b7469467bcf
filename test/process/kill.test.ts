// Goal: kill -9 at any moment loses nothing, and a restart needs nobody. The long version is `npm run test:kill`.
import { test } from 'node:test';
import { foreignWriters } from './foreign-writers.js';
import { killRound } from './kill-round.js';

const kills = Number(process.env['USYNC_TEST_KILLS'] ?? 50);

test(
  `${kills} kills of three writing servers lose nothing`,
  { skip: foreignWriters.python ? false : 'python3 is not installed' },
  async (context) => {
    await killRound({ kills, seed: Date.now() % 100_000, tell: (line) => context.diagnostic(line) });
  },
);
