import { additionColumn, partsOfAddition } from '../../../core/counter.js';
import type { Cell } from '../../../core/life-state.js';
import { zeroStamp, type Stamp } from '../../../core/stamp.js';
import type { ReplicaIdentity } from '../../replica.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { Comparison } from './comparison.js';

interface Run {
  readonly name: Stamp;
  /** The newest changeset in which it added something. */
  readonly last: Stamp;
}

/** Per replica of this process and dataset. It must not outlive the process: nothing else tells two copies of a database apart. */
const runs = new WeakMap<ReplicaIdentity, Map<string, Run>>();

/** From here on a row's counter is added to in the newest cell of this server, so that rows stay small. */
const runsMax = 64;

interface Counted {
  readonly column: string;
  /** Cells of the row's lives. */
  readonly lives: readonly ReadonlyMap<string, Cell>[];
}

/** The name of the cell in which this run adds to a counter of a row. */
export function additionOfRun(
  context: ReplicaContext,
  { origin, stamp }: Comparison['changeset'],
  { column, lives }: Counted,
): string {
  const run = runOf(context, { origin, stamp });
  const own = new Set<Stamp>();
  for (const cells of lives)
    for (const name of cells.keys()) {
      const addition = partsOfAddition(name);
      if (addition?.column === column && addition.origin === origin) own.add(addition.run);
    }
  const isFull = own.size >= runsMax && !own.has(run);
  return additionColumn({ column, origin, run: isFull ? newest(own) : run });
}

const newest = (stamps: Iterable<Stamp>): Stamp => [...stamps].reduce((a, b) => (a > b ? a : b), zeroStamp);

/** The run goes on while the file holds what it wrote last: an older file may have been put in its place meanwhile. */
function runOf(
  { identity, dataset, histories }: ReplicaContext,
  { origin, stamp }: Pick<Comparison['changeset'], 'origin' | 'stamp'>,
): Stamp {
  const ofReplica = runs.get(identity) ?? new Map<string, Run>();
  runs.set(identity, ofReplica);
  const known = ofReplica.get(dataset);
  if (known?.last === stamp) return known.name;
  const name = known && histories.find(origin, known.last) ? known.name : stamp;
  ofReplica.set(dataset, { name, last: stamp });
  return name;
}
