import type { Replica } from '../../src/databases/replica.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

/** A defect put between the real parts, to show that the oracle bites. */
export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  wrapReplica?(replica: Replica, at: { readonly world: World; readonly server: VirtualServer }): Replica;
  /** After a restore the server goes on under its old epoch, and nobody minds the fork. */
  readonly reusesEpoch?: boolean;
}

export const plantedBugs: readonly PlantedBug[] = [];
