// The whole size: `npm run test:tree -- --files 30000 --switches 4`.
import { parseArgs } from 'node:util';
import { treeSwitchRound } from './tree-switch-round.js';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '30000' }, switches: { type: 'string', default: '4' } },
});
await treeSwitchRound({
  files: Number(values.files),
  switches: Number(values.switches),
  tell: (line) => console.log(line),
});
console.log('1 passed, 0 failed');
