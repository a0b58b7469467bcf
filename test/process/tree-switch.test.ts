// Goal: a source tree that is switched between two states here, while it is edited there, ends equal and as it was written.
// Method: two real servers and the packages of this project. The whole size is `npm run test:tree`.
import { test } from 'node:test';
import { treeSwitchRound } from './tree-switch-round.js';

test('a source tree of 3,000 files that is switched between two states here while it is edited there ends as written', async (context) => {
  await treeSwitchRound({ files: 3000, switches: 2, tell: (line) => context.diagnostic(line) });
});
