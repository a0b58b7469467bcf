import type { UndoOutcome, UndoRequest } from '../../replica.js';
import { captureEverything } from '../capture/capture-everything.js';
import { drainInTransaction, notedRange } from '../capture/drain.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { childrenOf } from '../merge/table-calm.js';
import { addPendingSettle } from '../merge/tables-to-settle.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { isFresh } from '../stores/is-fresh.js';
import { whenFree } from '../stores/store-transaction.js';
import { createJournalReading, type JournalReading } from './journal-reading.js';
import { planUndo } from './undo-changes.js';
import { undoneRows, undoWalks, type UndoneRows } from './undo-rows.js';
import { WorkCancelled, type CancelLook } from './work-in-turns.js';
import { withConstraints } from './write-as-person.js';

export interface UndoWanted {
  readonly request: UndoRequest;
  readonly signal: CancelLook | undefined;
}

/**
 * Reads the journal in turns, without a lock, and then takes back what still stands in one transaction, unless
 * the signal came before that committed.
 */
export async function undo(
  context: ReplicaContext,
  merging: Merging,
  { request, signal }: UndoWanted,
): Promise<UndoOutcome> {
  // It wrote nothing that anybody else has, and must not be captured by a look.
  if (isFresh(context)) return { steps: [], isCancelled: false };
  const reading = createJournalReading(context, { signal, walks: undoWalks });
  let rows: UndoneRows | null = null;
  try {
    for (let attempt = 0; ; attempt++) {
      const { schemaChanged } = await captureEverything(context, merging);
      if (rows === null || schemaChanged) {
        rows = await undoneRows(context, request, reading);
        // What applications wrote while it was read must be known too.
        continue;
      }
      const steps = await atOnce(context, { request, rows, reading, isPatient: attempt < attemptsMax });
      if (steps === null) continue;
      if (!request.isDryRun) await captureEverything(context, merging);
      return { steps, isCancelled: false };
    }
  } catch (error) {
    if (error instanceof WorkCancelled) return { steps: [], isCancelled: true };
    throw error;
  } finally {
    context.tellWork(null);
  }
}

/** Beyond so many, what an application writes all the time is captured with the lock held. */
const attemptsMax = 10;

interface Attempt {
  readonly request: UndoRequest;
  readonly rows: UndoneRows;
  readonly reading: JournalReading;
  readonly isPatient: boolean;
}

/** Null when an application wrote meanwhile: what it wrote would be taken for what was there before. */
async function atOnce(
  context: ReplicaContext,
  { request, rows, reading, isPatient }: Attempt,
): Promise<UndoOutcome['steps'] | null> {
  const { system } = context;
  reading.check();
  let plan = await whenFree(system, () => planUndo(context, rows, request));
  if (request.isDryRun) return plan.steps;
  return withConstraints(context, () => {
    if (hasSchemaMoved(context)) return null;
    if (notedRange(context) !== null) {
      if (isPatient) return null;
      captureHere(context);
      plan = planUndo(context, rows, request);
    }
    plan.write(() => reading.check());
    reading.check();
    return plan.steps;
  });
}

/** Rows that wait are shown afterwards: here the constraints of the application hold. */
function captureHere(context: ReplicaContext): void {
  const tables = [...drainInTransaction(context).tables].flatMap((name) => context.tables.byName(name) ?? []);
  addPendingSettle(context, [...tables, ...tables.flatMap((table) => [...childrenOf(context, table)])]);
}
