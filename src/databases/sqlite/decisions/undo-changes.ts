import { compareLives } from '../../../core/life.js';
import { parentsFirst } from '../../../core/table-order.js';
import type { UndoOutcome, UndoRequest } from '../../replica.js';
import { memoryOf } from '../merge/merge-changeset.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import type { UndoneRows } from './undo-rows.js';
import { stepsOf, type PlannedStep } from './undo-steps.js';
import type { Returning } from './undo-values.js';

export interface UndoPlan extends Pick<UndoOutcome, 'steps'> {
  /** Does what the steps say. Inside a write transaction; `check` is called before each step and may throw. */
  readonly write: (check: () => void) => void;
}

/**
 * How to take back what one server wrote since a time, where its writes still stand: values go back to what they were
 * before, rows it inserted are deleted unless others have changed them since, rows it deleted come back. What was before
 * is known as far as the journal goes; the rest is told and left alone. Takes no lock. What stands must be captured: a
 * value of an application that nobody has seen would be taken for that of the server.
 */
export function planUndo(context: ReplicaContext, rows: UndoneRows, request: UndoRequest): UndoPlan {
  memoryOf(context).begin();
  const planned = planSteps(context, rows, request);
  return {
    steps: planned.map(({ step }) => step),
    write: (check) => {
      // Rows that refer to each other go and come in one step. Until the end of the transaction.
      context.connection.exec('PRAGMA defer_foreign_keys = ON');
      for (const { step, write } of planned) {
        check();
        if (step.skipped === null) write();
      }
    },
  };
}

/** Parents may be planned after their children, so it is planned again while more of them come back. */
function planSteps(context: ReplicaContext, rows: UndoneRows, request: UndoRequest): PlannedStep[] {
  const returning: Returning = { rows: new Map(), keys: new Set() };
  // Of several rows that were deleted at one key the youngest was shown.
  const youngestFirst = [...rows.values()].toSorted((a, b) => compareLives(b.life, a.life));
  for (;;) {
    const before = returning.rows.size;
    returning.keys.clear();
    const steps = youngestFirst.flatMap((row) => stepsOf(context, row, { request, returning }));
    if (returning.rows.size === before) return inOrder(context, steps);
  }
}

/** Children go before their parents, and come after them. */
function inOrder({ tables }: ReplicaContext, steps: readonly PlannedStep[]): PlannedStep[] {
  const names = parentsFirst(tables.all().map(({ schema }) => schema)).flatMap((group) => group.tables);
  const places = new Map(names.map(({ name }, place) => [name, place]));
  const rank = ({ step }: PlannedStep): number => {
    const place = places.get(step.table) ?? 0;
    if (step.kind === 'delete') return -1 - place;
    return step.kind === 'update' ? 0 : 1 + place;
  };
  return steps.toSorted((a, b) => rank(a) - rank(b));
}
