/** What the parts of one run of folders share. */
import type { Random } from '../simulation/random.js';
import type { SimulatedNetwork } from '../simulation/simulated-network.js';
import type { Trace } from '../simulation/trace.js';
import type { KillSwitch } from '../simulation/simulated-sqlite.js';
import type { SimulatedProcess } from '../simulation/simulated-system.js';
import type { VirtualTime } from '../simulation/virtual-time.js';
import type { Failure } from '../simulation/world.js';
import type { FolderPlan } from './folder-plan.js';
import type { VirtualFolderServer } from './folder-server.js';
import type { FolderBug } from './planted-folder-bugs.js';

export interface FolderWorld {
  readonly plan: FolderPlan;
  /** For the databases; the synced folders are virtual. */
  readonly scratch: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly trace: Trace;
  readonly servers: VirtualFolderServer[];
  /** Of every process that there was. */
  readonly killSwitches: KillSwitch[];
  readonly bug: FolderBug | null;
  /** Contents that an application or a power loss made visible under a name, on any server. */
  readonly visible: Set<string>;
  /** Those of them that were never visible for as long as a writer is given to finish. */
  readonly fleeting: Set<string>;
  /** Paths that applications touched in this phase, with who did. */
  touched: Map<string, Set<number>>;
  /** The same of all phases: what an application never synced is lost with the power, however long ago it was written. */
  readonly everTouched: Map<string, Set<number>>;
  /** Restores that go on, with their engine: when one is done, it is what somebody on that server left. */
  readonly restoring: Set<{ readonly engine: SimulatedProcess }>;
  /** How many acts in the middle of the engine's this phase may have yet. */
  interleavingLeft: number;
  contents: number;
  edits: number;
  failure: Failure | null;
  /** Applications rest, and all servers may be up again. */
  isHealing: boolean;
  isAtRest: boolean;
}

export const settleMs = 25;
