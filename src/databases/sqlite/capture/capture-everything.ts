import { parentsFirst } from '../../../core/table-order.js';
import { landChangeset } from '../merge/changeset-landing.js';
import { beginAdoption } from './adoption-work.js';
import { drainNotes, nothingDrained, type AfterDrain, type Drained } from './drain.js';
import { findEvictions, isCountingDue } from './evicted-rows.js';
import { addPending, pendingReconciles, type PendingReconcile } from './pending-reconcile.js';
import { mustSettle, settlePending } from '../merge/pending-settle.js';
import { reconcile } from './reconcile.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { followSchema } from '../schema/schema-change.js';
import { growSchema, mustPropagate, tellSchema } from '../schema/propagated-schema.js';
import { refuseRestored } from '../stores/restored-content.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { isFresh } from '../stores/is-fresh.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';

export interface Captured extends Drained {
  readonly schemaChanged: boolean;
  readonly hasMore: boolean;
}

/** What the merging side does when rows were captured or tables came. */
type AroundCapture = Pick<Merging, 'settleAfterDrain' | 'settleWaiting'> & Partial<Pick<Merging, 'resumeSnapshot'>>;

/** A migration that never stops must not keep this from returning. */
const roundsMax = 5;

/**
 * Follows the schema, takes what is noted, and compares the tables that were written unseen. Where the replica belongs to no
 * dataset yet it follows the schema alone, whoever asks: rows that were here before are captured when the dataset is founded
 * on purpose, or compared with those of the group when it joins one.
 */
export async function captureEverything(context: ReplicaContext, merging: AroundCapture): Promise<Captured> {
  let schemaChanged = false;
  // One that a failure or a crash cut off: nothing can be captured before it is here as a whole.
  await landChangeset(context, merging, { isResumed: true });
  await merging.resumeSnapshot?.(context);
  if (isFresh(context)) return { ...nothingDrained, schemaChanged: await followFresh(context), hasMore: false };
  let look = await lookAt(context);
  if (look.isQuiet) return { ...nothingDrained, schemaChanged, hasMore: false };
  if (mustPropagate(context)) {
    await growSchema(context);
    await whenFree(context.system, () => inTransaction(context, () => tellSchema(context)));
    look = await lookAt(context);
  }
  let all: Drained = nothingDrained;
  const after = (tables: ReadonlySet<string>): void => merging.settleAfterDrain(context, tables);
  const followed = (): Promise<boolean> =>
    whenFree(context.system, () => {
      if (mustCompareAll(context)) inTransaction(context, () => compareAll(context));
      if (!hasSchemaMoved(context)) return false;
      return inTransaction(context, () => {
        followSchema(context);
        tellSchema(context);
        return true;
      });
    });
  for (let round = 0; round < roundsMax; round++) {
    if ((look.areNotesGone || look.hasSchemaMoved) && (await followed())) schemaChanged = true;
    const noted = await drainNotes(context, after);
    all = joined(all, noted);
    // What comes from here on is no part of the migration.
    if (context.meta.text('migrated') !== null)
      await whenFree(context.system, () => inTransaction(context, () => context.meta.set('migrated', null)));
    await findEvictions(context);
    all = joined(all, await reconcilePending(context, after));
    await whenFree(context.system, () => {
      if (!mustSettle(context)) return;
      inTransaction(context, () => {
        if (!hasSchemaMoved(context)) settlePending(context, merging);
      });
    });
    look = await lookAt(context);
    if (!look.hasSchemaMoved && (pendingReconciles(context).length === 0 || context.meta.text('landing') !== null))
      break;
  }
  return { ...all, schemaChanged, hasMore: look.hasNotes && all.changesets > 0 };
}

const followFresh = (context: ReplicaContext): Promise<boolean> =>
  whenFree(context.system, () => {
    if (!hasSchemaMoved(context)) return false;
    inTransaction(context, () => followSchema(context));
    return true;
  });

async function reconcilePending(context: ReplicaContext, after: AfterDrain): Promise<Drained> {
  let all: Drained = nothingDrained;
  if (context.meta.text('landing') !== null) return all;
  const pending = pendingParentsFirst(context);
  const work = await beginAdoption(context, pending);
  try {
    for (const each of pending) {
      const drained = await reconcile(context, each, { after, took: (rows) => work.took(rows) });
      if (!drained) break;
      all = joined(all, drained);
    }
  } finally {
    work.end();
  }
  return all;
}

/** Each slice is a changeset of its own: where children came first, others would not show them before their parents. */
function pendingParentsFirst(context: ReplicaContext): PendingReconcile[] {
  const schemas = context.tables.all().map(({ schema }) => schema);
  const names = parentsFirst(schemas).flatMap(({ tables }) => tables.map(({ name }) => name));
  return pendingReconciles(context).toSorted((a, b) => names.indexOf(a.table.name) - names.indexOf(b.table.name));
}

/** What tells, by two small reads, whether there is anything to do. */
interface CaptureLook {
  readonly hasNotes: boolean;
  readonly areNotesGone: boolean;
  readonly hasSchemaMoved: boolean;
  readonly isQuiet: boolean;
}

const lookAt = (context: ReplicaContext): Promise<CaptureLook> =>
  whenFree(context.system, () => {
    refuseRestored(context);
    const cursor = context.meta.number('cursor') ?? 0;
    const newest = context.notes.newest();
    const hasNotes = newest > cursor && context.meta.text('landing') === null;
    const areNotesGone = newest < cursor;
    const hasMoved = hasSchemaMoved(context);
    const isAnythingPending =
      mustPropagate(context) || pendingReconciles(context).length > 0 || mustSettle(context) || isCountingDue(context);
    return {
      hasNotes,
      areNotesGone,
      hasSchemaMoved: hasMoved,
      isQuiet: !hasNotes && !areNotesGone && !hasMoved && !isAnythingPending,
    };
  });

/** Whether somebody emptied the notes: what they told is lost, and is found by comparing everything. */
export const mustCompareAll = ({ notes, meta }: ReplicaContext): boolean => notes.wentBack(meta.number('cursor') ?? 0);

/** Inside a write transaction. */
export function compareAll(context: ReplicaContext): void {
  context.meta.set('cursor', 0);
  for (const table of context.tables.all()) addPending(context, table, 'life');
}

const joined = (a: Drained, b: Drained): Drained => ({
  changesets: a.changesets + b.changesets,
  rows: a.rows + b.rows,
  tables: new Set([...a.tables, ...b.tables]),
});
