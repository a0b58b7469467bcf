/**
 * Features of plans that old seeds know nothing of. Each changes a plan that is made already, by draws from a stream of
 * its own: so a seed without it stays what it is.
 */
import type { Plan } from './plan.js';
import type { Random } from './random.js';
import { withCircles, withDeclaredReferences, withKeyReferences } from './referring-tables.js';
import { withChecks, withIndexes } from './constrained-tables.js';
import { withLeftOut } from './left-out-tables.js';
import { withRemovals } from './removed-servers.js';
import { withMigrations } from './migrating-tables.js';
import { withPropagation } from './propagated-tables.js';
import { withRules } from './ruled-tables.js';

type AddFeature = (plan: Plan, random: Random) => Plan;

const extraFeatures = {
  rules: withRules,
  declared: withDeclaredReferences,
  circles: withCircles,
  keyReferences: withKeyReferences,
  indexes: withIndexes,
  checks: withChecks,
  leftOut: withLeftOut,
  migrations: withMigrations,
  removals: withRemovals,
  propagation: withPropagation,
} satisfies Record<string, AddFeature>;

export type ExtraName = keyof typeof extraFeatures;

export const extraNames = Object.keys(extraFeatures) as ExtraName[];

/** `extras` means all of them. */
export function extrasNamed(names: readonly string[]): readonly ExtraName[] {
  const unknown = names.filter((name) => name !== 'extras' && !(name in extraFeatures));
  if (unknown.length > 0) throw new Error(`no feature is called ${unknown.join()}; there are: ${extraNames.join()}`);
  return extraNames.filter((name) => names.includes('extras') || names.includes(name));
}

/** Of several features a run has some, so that rare mixtures get their turn. */
export function addExtras(plan: Plan, random: Random, names: readonly ExtraName[]): Plan {
  if (names.length === 0) return plan;
  const choice = random.fork('extras');
  const some = names.length === 1 ? names : names.filter(() => choice.chance(0.4));
  const used = some.length > 0 ? some : [choice.pick(names)];
  return used.reduce((made, name) => extraFeatures[name](made, random.fork(name)), plan);
}
