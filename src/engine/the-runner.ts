import { SyncError } from '../core/sync-error.js';
import type { DatasetRunner } from './dataset-runner.js';
import type { EngineGround } from './engine-parts.js';
import { chosenRunners } from './proofs.js';

/** Throws `USYNC-1103` for a name that no dataset here has. */
export function theRunner(ground: EngineGround, dataset: string): DatasetRunner {
  const [runner] = chosenRunners(ground, dataset);
  if (runner) return runner;
  throw new SyncError('USYNC-1103', `There is no dataset "${dataset}" here.`);
}
