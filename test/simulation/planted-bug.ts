/** A defect put between the real parts, to show that the oracle bites. */
import type { Replica } from '../../src/databases/replica.js';
import type { TableRules } from '../../src/databases/sqlite/schema/table-rules.js';
import type { ExtraName } from './extra-features.js';
import type { VirtualServer } from './virtual-server.js';
import type { World } from './world.js';

export interface PlantedBug {
  readonly name: string;
  readonly what: string;
  /** Promises of which one must be seen broken. */
  readonly caughtAs: readonly string[];
  readonly wrapReplica?: WrapReplica;
  /** What must happen for the bug to matter; the test adds such steps. */
  readonly needs?: 'pruning' | 'restore' | 'conflicts';
  /** Features that its runs must have. */
  readonly with?: ExtraName;
  /** What a person set is not followed, on any server. */
  readonly ignores?: keyof TableRules;
  readonly ignoresSpread?: boolean;
  /** Who hears of a removal goes on taking from the removed server. */
  readonly keepsDoorOpen?: boolean;
  /** After a restore the server goes on under its old epoch, and nobody minds the fork. */
  readonly reusesEpoch?: boolean;
}

export type WrapReplica = (replica: Replica, at: BugPlace) => Replica;

export interface BugPlace {
  readonly world: World;
  readonly server: VirtualServer;
}
