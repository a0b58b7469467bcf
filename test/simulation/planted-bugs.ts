/**
 * Defects put between the real parts, to show that the oracle bites. Each wraps one server's replica or spoils its
 * database the way the defect would; `test/simulation/planted-bugs.test.ts` runs them all.
 */
import type { PlantedBug } from './planted-bug.js';
import { bugsOfCapture } from './planted-bugs-of-capture.js';
import { bugsOfDelivery } from './planted-bugs-of-delivery.js';
import { bugsOfExtras } from './planted-bugs-of-extras.js';
import { bugsOfMerging } from './planted-bugs-of-merging.js';

export const plantedBugs: readonly PlantedBug[] = [
  ...bugsOfMerging,
  ...bugsOfCapture,
  ...bugsOfDelivery,
  ...bugsOfExtras,
];
