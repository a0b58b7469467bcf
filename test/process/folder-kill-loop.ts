// The long test of folders: `npm run test:folders -- --seconds 600 --seed 7`.
import { parseArgs } from 'node:util';
import { folderKillRound } from './folder-kill-round.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
});
await folderKillRound({
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  tell: (line) => console.log(line),
});
console.log('1 passed, 0 failed');
