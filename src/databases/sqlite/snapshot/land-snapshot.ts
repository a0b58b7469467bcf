import type { StateBlock } from '../../../core/state-block.js';
import { decodeStateChunk, type StateChunk } from '../../../core/state-codec.js';
import { stampIn, joinVectors, type VersionVector } from '../../../core/version-vector.js';
import { SyncError } from '../../../core/sync-error.js';
import { decompressBytes } from '../../../system/compression.js';
import { nothingMerged } from '../../nothing-merged.js';
import type { AdoptionChoice, MergeOutcome } from '../../replica.js';
import { stateWithNamesHere, tableHere } from '../schema/renames.js';
import { adoptBlock, createAdoption, rowsApartHere, type Adoption } from './adoption-at-join.js';
import type { MeasuredAdoption } from './adoption-preview.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { captureEverything } from '../capture/capture-everything.js';
import { landChangeset } from '../merge/changeset-landing.js';
import type { ChunkSpool } from './chunk-spool.js';
import { countChunks, dropChunks, keepChunks, keptChunk, keptChunks } from './kept-snapshot.js';
import { landingSnapshot, markSnapshot, type LandingSnapshot } from '../merge/landing-marker.js';
import { drainInTransaction } from '../capture/drain.js';
import { withoutGoneRows } from '../capture/gone-rows.js';
import { followNames } from '../merge/epochs.js';
import { settle } from '../merge/merge-changeset.js';
import { refuseUnwritable } from '../merge/refuse-unwritable.js';
import { settleUnwritten, WrittenMeanwhile } from '../merge/settle-unwritten.js';
import { raiseFlag } from '../stores/merging-flag.js';
import { addUntoldTable, removeLostTable } from '../stores/lost-tables.js';
import { addPending, pendingReconciles, removePending } from '../capture/pending-reconcile.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { settleAfterDrain, settleWaiting } from '../merge/settle-waiting.js';
import { forksWithSnapshot, keepHistories, type Histories } from './snapshot-histories.js';
import { beginLanded, createLanding, endLanded, type Landing, type WaitingLife } from './snapshot-landing.js';
import type { Key } from '../stores/shadow-store.js';
import { inTransaction, pause, whenFree } from '../stores/store-transaction.js';

const around: Pick<Merging, 'settleAfterDrain' | 'settleWaiting'> = { settleAfterDrain, settleWaiting };

/** A snapshot that has come whole. */
export interface WholeSnapshot {
  readonly context: ReplicaContext;
  readonly vector: VersionVector;
  readonly spool: ChunkSpool;
  /** All that are in its chunks. */
  readonly rows: number;
  readonly choice: AdoptionChoice | undefined;
  /** Holds the rows here against the snapshot, once. */
  readonly measure: () => Promise<MeasuredAdoption>;
}

/**
 * Merges a snapshot (rule R9.1) in short transactions. Meanwhile the landing marker stands: nothing is drained or sent. What
 * is cut off is landed again from its own chunks, which the database keeps until then: no other snapshot may come between,
 * since its sender may lack what has landed already (decision 0018).
 */
export async function landSnapshot(whole: WholeSnapshot): Promise<MergeOutcome> {
  const { context, vector, spool, measure } = whole;
  await landChangeset(context, around, { isResumed: true });
  await resumeSnapshot(context);
  await followEverything(context);
  const apart = await rowsApartHere(context, measure, whole.choice);
  const adoption = createAdoption(context, apart);
  const histories = spool.count > 0 ? decodeStateChunk(spool.read(0), decompressBytes).histories : new Map();
  const snapshot: LandingSnapshot = { vector, chunks: spool.count, apart };
  await keepChunks(context, spool);
  spool.close();
  const forks = await underOneSchema(context, () =>
    slice(context, () => {
      const drained = adoption ? { tables: new Set<string>() } : drainInTransaction(context);
      if (drained.tables.size > 0) settleAfterDrain(context, drained.tables);
      if (followNames(context, vector.keys())) raiseFlag(context, true);
      const found = forksWithSnapshot(context, vector, histories);
      if (found.length === 0) markSnapshot(context, snapshot);
      return found;
    }),
  );
  if (forks.length > 0) {
    await dropChunks(context);
    return outcomeOf(context, { forks });
  }
  return underOneSchema(context, () => landKept(context, snapshot, whole.rows));
}

/** Finishes the landing of a snapshot that a crash or a failure cut off. Nobody needs to be there for it. */
export async function resumeSnapshot(context: ReplicaContext): Promise<void> {
  const snapshot = await whenFree(context.system, () => landingSnapshot(context));
  if (!snapshot || (await whenFree(context.system, () => countChunks(context))) !== snapshot.chunks) return;
  await underOneSchema(context, () => landKept(context, snapshot, null)).finally(() => context.tellWork(null));
}

const attemptsMax = 10;

/**
 * Follows the schema and does the work, anew where an application changes the schema between two of its transactions: what
 * has landed by then is landed again, as after a crash.
 */
async function underOneSchema<T>(context: ReplicaContext, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    await followEverything(context);
    try {
      return await work();
    } catch (error) {
      if (!(await whenFree(context.system, () => hasSchemaMoved(context)))) throw error;
      if (attempt === attemptsMax)
        throw new SyncError('USYNC-1201', 'the schema was changed again and again while a snapshot landed');
    }
  }
}

/** Not to be waited for, as a lock is. */
class SchemaMoved extends Error {}

/** The tables as they are now, and what was written before. */
const followEverything = (context: ReplicaContext): Promise<unknown> => captureEverything(context, around);

async function landKept(
  context: ReplicaContext,
  { vector, chunks, apart }: LandingSnapshot,
  total: number | null,
): Promise<MergeOutcome> {
  refuseUnwritable(context);
  const adoption = createAdoption(context, apart);
  const histories = chunks > 0 ? (await keptChunk(context, 0)).histories : new Map();
  beginLanded(context);
  const landing = createLanding(context, vector);
  const spoken = new Set<string>();
  const lost = new Set<string>();
  let isFirst = true;
  const told: Seen[] = [];
  let done = 0;
  for await (const chunk of keptChunks(context, chunks)) {
    context.tellWork({ kind: 'landing', done, total });
    done += rowsOfChunk(chunk);
    // Of others it holds what its sender has: lives that came after it had lost the table.
    if (isFirst) for (const block of chunk.blocks) spoken.add(stateWithNamesHere(context, block).table);
    for (const name of chunk.lost) lost.add(tableHere(context, name)?.name ?? name);
    isFirst = false;
    if (chunk.seen.size > 0) told.push(chunk.seen);
    await landChunk(context, landing, adoption, chunk);
  }
  await endWhatIsGone(context, landing, spoken);
  await landWaiting(context, landing, adoption);
  const finish = { vector, spoken, lost, histories, told };
  const refused = await withoutGoneRows(context, () => slice(context, () => finishLanding(context, landing, finish)));
  endLanded(context);
  await dropChunks(context);
  const conflicts = landing.conflicts + (adoption?.conflicts ?? 0);
  return outcomeOf(context, { merged: 1, rows: landing.rows, conflicts, quarantined: refused });
}

export const rowsOfChunk = ({ blocks }: StateChunk): number => blocks.reduce((sum, { count }) => sum + count, 0);

const outcomeOf = ({ origins }: ReplicaContext, facts: Partial<MergeOutcome>): MergeOutcome => ({
  vector: origins.vector(),
  ...nothingMerged,
  ...facts,
});

/** One transaction, and a pause as long as it took. */
async function slice<T>(context: ReplicaContext, work: () => T): Promise<T> {
  const startMs = context.system.monotonicMs();
  const result = await whenFree(context.system, () =>
    inTransaction(context, () => {
      if (hasSchemaMoved(context)) throw new SchemaMoved();
      raiseFlag(context, true);
      const done = work();
      raiseFlag(context, false);
      return done;
    }),
  );
  await pause(context.system, context.pace.pauseMs(context.system.monotonicMs() - startMs));
  return result;
}

/** As much of `steps` as the time of a slice allows, again and again until all is done. */
async function inSlices(
  context: ReplicaContext,
  landing: Landing,
  { adoption, steps }: { readonly adoption: Adoption | null; readonly steps: Iterator<() => void> },
): Promise<void> {
  let step = steps.next();
  while (!step.done) {
    await slice(context, () => {
      landing.begin();
      adoption?.earlyNotes.lookAgain();
      const startMs = context.system.monotonicMs();
      do {
        if (step.done) break;
        step.value();
        step = steps.next();
      } while (context.system.monotonicMs() - startMs < context.pace.sliceMs);
    });
  }
}

async function landChunk(
  context: ReplicaContext,
  landing: Landing,
  adoption: Adoption | null,
  chunk: StateChunk,
): Promise<void> {
  const { rowsAtOnce } = context.pace;
  function* steps(): IterableIterator<() => void> {
    // They come before all rows: what of these was not seen here cannot be told without them.
    for (const [origin, strays] of chunk.strays) yield () => context.strays.learn(origin, strays);
    for (const alias of chunk.aliases) yield () => landing.alias(alias);
    for (const whole of chunk.blocks) {
      for (let from = 0; from < whole.count; from += rowsAtOnce) {
        const to = Math.min(from + rowsAtOnce, whole.count);
        yield () => landLives(landing, adoption, stateWithNamesHere(context, whole), { from, to });
      }
    }
  }
  await inSlices(context, landing, { adoption, steps: steps() });
}

function landLives(
  landing: Landing,
  adoption: Adoption | null,
  block: StateBlock,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  if (!adoption) return landing.lives(block, from, to);
  for (const [start, end] of adoptBlock(adoption, block, { from, to })) landing.lives(block, start, end);
}

async function endWhatIsGone(context: ReplicaContext, landing: Landing, spoken: ReadonlySet<string>): Promise<void> {
  for (const name of spoken) {
    const table = context.tables.byName(name);
    if (!(await settled(context, landing, () => landing.endCoveredAsides(name))) && table)
      landing.passOver(table, null);
    let after: Key | null = null;
    do {
      const from: Key | null = after;
      const isDone: boolean =
        !table || (await settled(context, landing, () => void (after = landing.endCovered(table, from))));
      if (!table) break;
      if (!isDone) after = await slice(context, () => landing.passOver(table, from));
    } while (after !== null);
  }
}

/** One transaction. False where an application has written a row that settling reaches: nothing was done then. */
async function settled(context: ReplicaContext, landing: Landing, work: () => void): Promise<boolean> {
  try {
    await slice(context, () => {
      landing.begin();
      work();
      settleUnwritten(landing.scope, landing.writtenKeys);
    });
    return true;
  } catch (error) {
    if (error instanceof WrittenMeanwhile) return false;
    throw error;
  }
}

/** Lives that clashed or referenced rows that came after them: all are here now. */
async function landWaiting(context: ReplicaContext, landing: Landing, adoption: Adoption | null): Promise<void> {
  async function land(some: readonly WaitingLife[]): Promise<void> {
    const isDone = await settled(context, landing, () => {
      adoption?.earlyNotes.lookAgain();
      landing.waiting(some);
    });
    const [first] = some;
    if (isDone || !first) return;
    if (some.length === 1) return landing.putOff(first);
    const middle = Math.floor(some.length / 2);
    await land(some.slice(0, middle));
    await land(some.slice(middle));
  }
  while (landing.waitingLives.length > 0) await land(landing.waitingLives.splice(0, context.pace.rowsAtOnce));
}

interface Finish {
  readonly vector: VersionVector;
  readonly spoken: ReadonlySet<string>;
  /** Tables that the sender has lost. */
  readonly lost: ReadonlySet<string>;
  readonly histories: Histories;
  readonly told: readonly Seen[];
}

/** What the sender knows of who had seen what. */
type Seen = StateChunk['seen'];

/** The state is here as a whole: the vector moves, and what applications wrote meanwhile is drained on top of it. */
function finishLanding(context: ReplicaContext, landing: Landing, finish: Finish): number {
  const { vector, spoken, lost, histories, told } = finish;
  const { origins, journal, meta, system } = context;
  const nowMs = system.nowMs();
  landing.begin();
  const before = origins.vector();
  keepHistories(context, vector, histories);
  for (const [origin, entry] of joinVectors(before, vector)) {
    if (entry.stamp > stampIn(before, origin)) origins.advance(origin, entry);
    origins.saw(entry.stamp, nowMs);
  }
  for (const seen of told) for (const [origin, stamps] of seen) context.seen.learnStamps(origin, stamps);
  const isNews = [...vector].some(([origin, { stamp }]) => stamp > stampIn(before, origin));
  if (isNews) journal.appendGap(vector, nowMs);
  meta.set('landing', null);
  meta.set('isFounded', 1);
  for (const name of spoken) {
    const number = context.tables.byName(name)?.number ?? 0;
    const isBack = landing.lost.has(number) || landing.lostColumns.has(number) || landing.untold.has(number);
    if (isBack) removeLostTable(context, number);
  }
  if (isNews) for (const { name, number } of context.tables.all()) if (lost.has(name)) addUntoldTable(context, number);
  raiseFlag(context, false);
  drainNoted(context);
  landing.drained();
  raiseFlag(context, true);
  landing.begin();
  landing.written();
  for (const name of spoken) endWritten(context, landing, name);
  settle(landing.scope);
  settleWaiting(context, null);
  return [...context.asides.tables()].reduce((sum, table) => sum + context.asides.countRefused(table), 0);
}

/**
 * A row of old that only this server has is left for the adoption, though it was written: its children are not adopted yet, and
 * would be left with a bare number if it came to hide. Bags are not drained by notes while they are to be compared, so that is put off.
 */
function drainNoted(context: ReplicaContext): void {
  const pending = pendingReconciles(context).filter(({ table, naming }) => naming === 'genesis' && table.isBag);
  for (const { table } of pending) removePending(context, table);
  drainInTransaction(context);
  for (const { table, naming } of pending) addPending(context, table, naming);
}

/** Rows that were passed over because an application had written them. */
function endWritten(context: ReplicaContext, landing: Landing, name: string): void {
  const table = context.tables.byName(name);
  if (!table || !landing.hasPassedOver(table)) return;
  landing.endCoveredAsides(name);
  let after: Key | null = null;
  do after = landing.endCovered(table, after);
  while (after !== null);
}
