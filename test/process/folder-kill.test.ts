// Goal: kill -9 at any moment loses no file and brings none back. The long version is `npm run test:folders`.
import { test } from 'node:test';
import { folderKillRound } from './folder-kill-round.js';

const seconds = Number(process.env['USYNC_TEST_FOLDER_SECONDS'] ?? 60);

test(`two servers edit their folders for ${seconds} s and are killed again and again: the trees end equal, nothing is lost`, async (context) => {
  await folderKillRound({ seconds, seed: Date.now() % 100_000, tell: (line) => context.diagnostic(line) });
});
