// The long kill test: `npm run test:kill -- --kills 200 --seed 7`.
import { parseArgs } from 'node:util';
import { killRound } from './kill-round.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
});
await killRound({ kills: Number(values.kills), seed: Number(values.seed), tell: (line) => console.log(line) });
console.log(`${values.kills} passed, 0 failed`);
