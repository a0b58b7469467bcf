/** What the parts of one run share. */
import type { Proof } from '../../src/databases/replica.js';
import type { Ledger } from './ledger.js';
import type { Plan } from './plan.js';
import type { PlantedBug } from './planted-bug.js';
import type { Random } from './random.js';
import type { SimulatedNetwork } from './simulated-network.js';
import type { KillSwitch } from './simulated-sqlite.js';
import type { Successions } from './successions.js';
import type { Trace } from './trace.js';
import type { VirtualServer } from './virtual-server.js';
import type { VirtualTime } from './virtual-time.js';
import type { Witness } from './witness.js';
import type { TokenSource } from './written-value.js';

export interface World {
  readonly plan: Plan;
  readonly folder: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly trace: Trace;
  readonly ledger: Ledger;
  /** Tokens that some member had when it heard of a removal: they count, whoever wrote them. */
  readonly vouched: Set<string>;
  /** When all had heard that this server was removed: nothing that it writes from then on may be anywhere else. */
  readonly leftAt: Map<number, number>;
  readonly witnesses: readonly Witness[];
  readonly successions: Successions;
  readonly tokens: TokenSource;
  readonly servers: VirtualServer[];
  /** Of every process that there was. */
  readonly killSwitches: KillSwitch[];
  readonly bug: PlantedBug | null;
  /** What differs, by vector, of every server at every time: equal vectors must mean equal digests. */
  readonly proofsByVector: Map<string, readonly KnownProof[]>;
  /** The first broken promise ends the run. */
  failure: Failure | null;
  /** After the writing: nothing may be new any more when this is set. */
  isAtRest: boolean;
}

export interface KnownProof {
  readonly proof: Proof;
  /** Tables of which the server knows that it may lack rows. */
  readonly untold: readonly string[];
  readonly server: number;
}

export interface Failure {
  /** One word for the promise, for grouping. */
  readonly promise: string;
  readonly text: string;
}

/** What can fail. */
export type FailingWorld = Pick<World, 'failure' | 'trace'>;

export function fail(world: FailingWorld, promise: string, text: string): void {
  if (world.failure) return;
  world.failure = { promise, text };
  world.trace.line(`FAILED ${promise}: ${text}`);
}
