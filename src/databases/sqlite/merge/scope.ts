import type { ReplicaContext } from '../stores/replica-context.js';
import type { RowFinder } from '../stores/row-finder.js';
import type { WorkingSet } from './component-loader.js';

/** What settling works on. */
export interface Scope {
  readonly context: ReplicaContext;
  readonly set: WorkingSet;
  readonly rows: RowFinder;
}
