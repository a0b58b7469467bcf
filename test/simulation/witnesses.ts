import type { Plan } from './plan.js';
import { createReferenceWitness } from './reference-witness.js';
import { createRuleWitness } from './rule-witness.js';
import { createWholeRowWitness } from './whole-row-witness.js';
import type { Witness, WitnessedWrite } from './witness.js';
import type { World } from './world.js';

/** Only those that have something to watch. */
export const createWitnesses = (plan: Plan): readonly Witness[] =>
  [createRuleWitness(plan), createWholeRowWitness(plan), createReferenceWitness(plan)].filter(
    (witness) => witness !== null,
  );

/** What an application wrote becomes known to the ledger and to every witness. */
export function noteWrite(
  { ledger, witnesses }: World,
  { server, before, after, steps }: Omit<WitnessedWrite, 'mark'>,
): void {
  ledger.note(server, before, after, steps);
  for (const witness of witnesses) witness.note({ server, mark: ledger.mark(), before, after, steps });
}
