import { SyncError } from '../../../core/sync-error.js';
import type { ConflictRecord, Replica, UndoOutcome, UndoRequest, WriteOutcome } from '../../replica.js';
import { captureEverything } from '../capture/capture-everything.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { drainFirst } from '../merge/drain-first.js';
import type { ReplicaSession } from '../replica-session.js';
import type { Conflict } from '../stores/conflict-store.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';
import { isFresh } from '../stores/is-fresh.js';
import { applyWrites } from './application-writes.js';
import { conflictRecords } from './conflict-records.js';
import { dropHeld } from './drop-held.js';
import { heldLives, quarantineId, quarantineRecords } from './quarantine-records.js';
import { recentChanges } from './recent-changes.js';
import { restoreConflict } from './restore-conflict.js';
import { rowHistory } from './row-history.js';
import { undo } from './undo.js';
import { withConstraints, writeAsPerson } from './write-as-person.js';
import type { CancelLook } from './work-in-turns.js';

/** As in the contract, but any look at a signal is enough: a worker has no signal of its caller. */
export interface UndoCall {
  undo(request: UndoRequest, signal?: CancelLook): Promise<UndoOutcome>;
}

type DecisionCalls = UndoCall &
  Pick<
    Replica,
    | 'conflicts'
    | 'conflictsForgotten'
    | 'forgetConflicts'
    | 'restoreConflict'
    | 'quarantine'
    | 'retryHeld'
    | 'dropHeld'
    | 'rowHistory'
    | 'recentChanges'
    | 'applyWrites'
  >;

/** What people look at and decide. Whatever they write is captured before the call returns. */
export function decisionCalls({ call, lookBetween }: ReplicaSession, merging: Merging): DecisionCalls {
  return {
    conflicts: (request) => lookBetween((context): ConflictRecord[] => conflictRecords(context, request)),
    conflictsForgotten: () => lookBetween((context) => context.conflicts.forgotten()),
    forgetConflicts: (foundBeforeMs) =>
      call((context) =>
        whenFree(context.system, () => inTransaction(context, () => context.conflicts.forgetBefore(foundBeforeMs))),
      ),
    restoreConflict: (id) =>
      call(async (context) => {
        await captureEverything(context, merging);
        return writeAsPerson(context, merging, () => restoreConflict(context, theConflict(context, id)));
      }),
    quarantine: (request) => lookBetween((context) => quarantineRecords(context, request)),
    retryHeld: () =>
      call(async (context) => {
        await settle(context, merging, () => merging.settleWaiting(context, null));
        return [...heldLives(context)].length;
      }),
    dropHeld: (id) => call((context) => settle(context, merging, () => dropHeld(context, theHeld(context, id)))),
    rowHistory: (request) => lookBetween((context) => rowHistory(context, request)),
    undo: (request, signal) => call((context) => undo(context, merging, { request, signal })),
    recentChanges: (request) => lookBetween((context) => recentChanges(context, request)),
    applyWrites: (writes) =>
      call(async (context) => {
        const write = (): WriteOutcome[] => applyWrites(context, writes);
        // A replica that belongs to no dataset yet captures nothing: its rows are adopted when it joins or founds one.
        if (isFresh(context)) return withConstraints(context, write);
        await captureEverything(context, merging);
        return writeAsPerson(context, merging, write);
      }),
  };
}

/** What applications write between capturing and settling is drained in the same transaction, under the schema as it is. */
async function settle(context: ReplicaContext, merging: Merging, work: () => unknown): Promise<void> {
  for (let isSettled = false; !isSettled;) {
    await captureEverything(context, merging);
    isSettled = await whenFree(context.system, () =>
      inTransaction(context, () => {
        if (hasSchemaMoved(context)) return false;
        if (!isFresh(context)) drainFirst(context);
        work();
        return true;
      }),
    );
  }
}

function theConflict(context: ReplicaContext, id: string): Conflict {
  const [found, second] = context.conflicts.find(id);
  if (found && !second) return found;
  throw noSuch('conflict', id, found !== undefined);
}

function theHeld(context: ReplicaContext, id: string): string {
  const [found, second] = [...heldLives(context)].map(quarantineId).filter((each) => each.startsWith(id));
  if (found !== undefined && second === undefined) return found;
  throw noSuch('held row', id, found !== undefined);
}

const noSuch = (what: string, id: string, isSeveral: boolean): SyncError =>
  new SyncError('USYNC-1800', `${isSeveral ? 'Several' : 'No'} ${what}${isSeveral ? 's' : ''} with the id ${id}.`);
