/** The merge rules of the model as switches: a run may turn single ones off to show what breaks. */
import { hashOf } from './model-names.js';

/** The rules as they stand. A run may switch single ones off to show what breaks. */
export interface Rules {
  /** R9: a snapshot leaves a gap marker in the journal. */
  readonly gapMarkers: boolean;
  /** R1: merging advances the clock; a run may switch it off (a clock bounded in its drift). */
  readonly clockDrags: boolean;
  /** R1: a write is stamped above the value that it replaces. */
  readonly cellsGrow: boolean;
  /** R8: a confirmation only beats the very value it was made for. */
  readonly weakConfirmations: boolean;
  /** R2: deleting or re-keying a visible row also ends what is hidden behind it. */
  readonly endsWhatIsBehind: boolean;
  /** R7: a needed row never cascades; its own dead parents are revived as well. */
  readonly revivalClimbs: boolean;
  /** R4: a row that lost its natural key keeps no parent alive. */
  readonly losersDoNotNeed: boolean;
  /** R7: SET NULL is never confirmed. */
  readonly nullIsDerived: boolean;
  /** Forks: two histories of one origin are told apart before anything flows. */
  readonly forksAreSeen: boolean;
  /** Forks: a snapshot is compared again when it is merged, not only when the two servers met. */
  readonly snapshotsAreCompared: boolean;
  /** Forks: servers tell each other where histories were cut, before anything flows. */
  readonly cutsSpread: boolean;
  /** Forks: any two servers cut the younger branch; false: only the origin's own server renames, and only its own. */
  readonly anyoneCuts: boolean;
  /** Forks: of two values with one stamp the greater wins, whatever the order. */
  readonly tiesByValue: boolean;
  /** Forks: cell stamps keep their origin when a branch is renamed; false: those above the fork point are renamed too. */
  readonly stampsStay: boolean;
  /** Names of references inside cells are renamed with the lives that they mean. */
  readonly referencesFollow: boolean;
  /** Forks: rows that were drained from the same notes on both sides become one. */
  readonly doublesMerge: boolean;
  /** R8: who have removed each other leave their duties to the eldest member. */
  readonly circlesAreSettled: boolean;
  /** Removal: what a member had merged before it heard of a removal counts for all; false: only what the remover had. */
  readonly membersVouch: boolean;
  /** Columns: `max`, `min` and the first write hold; false: the higher stamp wins everywhere. */
  readonly columnRulesHold: boolean;
  /** Columns: the confirmation of a first value takes its place. */
  readonly firstYieldsToDuty: boolean;
  /** Columns: only a value that a confirmation can beat gets a suffix; else the younger row is held. */
  readonly ruledAreHeld: boolean;
  /** Counters: what is added is a cell beside the counter's own; false: the total is an ordinary cell. */
  readonly additionsAreApart: boolean;
  /** Counters: each run of a server adds to a cell of its own; false: each origin does. */
  readonly additionsAreByRun: boolean;
  /** Granularity `row`: an application writes every column of a row with one stamp. */
  readonly rowsAreWhole: boolean;
  /** Bags: each row counts, however equal to another; false: equal rows are one. */
  readonly bagsCount: boolean;
  /** Skew: what comes for an unknown table or column is kept; false: it is dropped. */
  readonly unknownWaits: boolean;
  /** Skew: what waits merges by the rule of its column. */
  readonly rulesHoldForWaiting: boolean;
  /** Skew: a table is compared only where its relatives are the same too; false: its own columns and references are asked. */
  readonly relativesDecide: boolean;
  /** No rule: whether tables of the world reference themselves and each other in circles. */
  readonly hasCircles: boolean;
  /** No rule: whether there are tables without a key. */
  readonly hasBags: boolean;
  /** No rule: whether servers lack tables and columns, until they migrate. */
  readonly hasSkew: boolean;
  /** No rule: whether columns and tables of the world have merge rules of their own. */
  readonly hasColumnRules: boolean;
  /** R5: what a younger row shows in place of its number. Tests shrink the space so that substitutes clash too. */
  readonly substitute: (row: string, key: number, attempt: number) => number;
}

export const finalRules: Rules = {
  gapMarkers: true,
  clockDrags: true,
  cellsGrow: true,
  weakConfirmations: true,
  endsWhatIsBehind: true,
  revivalClimbs: true,
  losersDoNotNeed: true,
  nullIsDerived: true,
  forksAreSeen: true,
  snapshotsAreCompared: true,
  cutsSpread: true,
  anyoneCuts: true,
  tiesByValue: true,
  stampsStay: true,
  referencesFollow: true,
  doublesMerge: true,
  circlesAreSettled: true,
  membersVouch: true,
  columnRulesHold: true,
  firstYieldsToDuty: true,
  ruledAreHeld: true,
  additionsAreApart: true,
  additionsAreByRun: true,
  rowsAreWhole: true,
  bagsCount: true,
  unknownWaits: true,
  rulesHoldForWaiting: true,
  relativesDecide: true,
  hasCircles: false,
  hasColumnRules: false,
  hasBags: false,
  hasSkew: false,
  substitute: substituteAbove(1e6),
};

/** A substitute above all numbers that applications count in, out of so many. */
export function substituteAbove(space: number): Rules['substitute'] {
  return (row, key, attempt) => 1e6 + (hashOf(`${row}/${key}`) % space) + attempt;
}
