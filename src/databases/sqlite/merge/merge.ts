import type { DecodedPart } from '../../../core/changeset-decoder.js';
import type { ChangeBlock, ChangesetHeader, ChangesetPart } from '../../../core/changeset.js';
import { createChain } from '../../../core/hash.js';
import { stampIn, type ChainHash } from '../../../core/version-vector.js';
import { SyncError } from '../../../core/sync-error.js';
import { nothingMerged } from '../../nothing-merged.js';
import type { Fork, MergeOutcome } from '../../replica.js';
import { captureEverything } from '../capture/capture-everything.js';
import { landChangeset } from './changeset-landing.js';
import { mustPropagate } from '../schema/propagated-schema.js';
import { drainInTransaction, drainNotes } from '../capture/drain.js';
import { compareAgain, RowGone } from '../capture/gone-rows.js';
import { followNames } from './epochs.js';
import { landingChangeset, landingSnapshot, markLanding } from './landing-marker.js';
import { mergeChangeset, memoryOf, type MergedChangeset } from './merge-changeset.js';
import { raiseFlag } from '../stores/merging-flag.js';
import { gateOf } from './merge-gate.js';
import { refuseUnwritable } from './refuse-unwritable.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { EndlessChangeset, forgetEndless, refuseEndless } from './staged-bound.js';
import { decodeStaged, enterJournal } from './staged-changeset.js';
import { inTransaction, pause, whenFree } from '../stores/store-transaction.js';

/** What one call of `mergeParts` has come to so far. */
interface MergeTally {
  merged: number;
  covered: number;
  rows: number;
  conflicts: number;
  quarantined: number;
  hasGap: boolean;
  readonly forks: Fork[];
}

type AroundMerge = Pick<Merging, 'settleAfterDrain' | 'settleWaiting'>;

/**
 * Stages parts as they come and merges each changeset when its last part is there. Many small ones share a transaction
 * as long as the pace allows; then the lock stays free for as long as it was held, and until whoever waits for it has
 * tried again. A changeset is merged whole, unless that would hold the lock beyond the bound. Where the
 * landing of a snapshot was cut off nothing is drained, so nothing is merged either: it is to be landed again first.
 */
export async function mergeParts(
  context: ReplicaContext,
  parts: readonly ChangesetPart[],
  around: AroundMerge,
): Promise<MergeOutcome> {
  const { system } = context;
  const tally: MergeTally = { ...nothingMerged, forks: [] };
  await landChangeset(context, around, { isResumed: true });
  if (await whenFree(system, () => landingSnapshot(context)))
    return { ...nothingMerged, vector: context.origins.vector(), hasGap: parts.length > 0 };
  await drainNotes(context, (tables) => around.settleAfterDrain(context, tables));
  const tooSlow = new Set<string>();
  let next = 0;
  while (next < parts.length) {
    const startMs = system.monotonicMs();
    const slice = await sliceOf(context, parts, { next, tally, around, tooSlow });
    next = slice.next;
    if (slice.failure) throw slice.failure;
    if (slice.mustCapture) await captureEverything(context, around);
    const landed = await landChangeset(context, around, { isResumed: false });
    if (landed) count(tally, landed);
    else if (next < parts.length) await pause(system, context.pace.pauseMs(system.monotonicMs() - startMs));
  }
  return { ...tally, vector: context.origins.vector() };
}

async function sliceOf(context: ReplicaContext, parts: readonly ChangesetPart[], work: SliceWork): Promise<Slice> {
  try {
    return await whenFree(context.system, () => mergeSlice(context, parts, work));
  } catch (error) {
    if (error instanceof RowGone) {
      await compareAgain(context, error);
      return { next: work.next, failure: null, mustCapture: true };
    }
    if (error instanceof EndlessChangeset) await forgetEndless(context, error.part);
    throw error;
  }
}

function count(tally: MergeTally, { rows, conflicts, refused }: MergedChangeset): void {
  tally.merged++;
  tally.rows += rows;
  tally.conflicts += conflicts;
  tally.quarantined += refused;
}

interface SliceWork {
  readonly next: number;
  readonly tally: MergeTally;
  readonly around: AroundMerge;
  /** Changesets that were found to hold the lock for too long: these land in slices. */
  readonly tooSlow: Set<string>;
}

interface Slice {
  readonly next: number;
  /** A part that cannot be read. What came before it is merged. */
  readonly failure: SyncError | null;
  /**
   * A migration came between, so that rows may have been written or moved unseen, or a row was found to be removed unseen:
   * nothing was merged. Or a table was described that is to be made before what follows.
   */
  readonly mustCapture?: true;
}

function mergeSlice(context: ReplicaContext, parts: readonly ChangesetPart[], work: SliceWork): Slice {
  const before = { ...work.tally, forks: [...work.tally.forks] };
  let current: ChangesetPart | undefined;
  try {
    return inTransaction(context, () => {
      if (hasSchemaMoved(context)) return { next: work.next, failure: null, mustCapture: true };
      refuseUnwritable(context);
      beginMerging(context, work.around);
      const startMs = context.system.monotonicMs();
      let { next } = work;
      let failure: SyncError | null = null;
      raiseFlag(context, true);
      for (; next < parts.length && !failure && !landingChangeset(context) && !mustPropagate(context); next++) {
        if (next > work.next && context.system.monotonicMs() - startMs >= context.pace.sliceMs) break;
        current = parts[next];
        if (current) failure = takePart(context, current, work);
      }
      raiseFlag(context, false);
      return { next, failure, ...(mustPropagate(context) && { mustCapture: true }) };
    });
  } catch (error) {
    Object.assign(work.tally, before);
    if (error instanceof TooSlow) {
      work.tooSlow.add(error.message);
      return { next: work.next, failure: null };
    }
    const last = current;
    // Staged parts that cannot be read must not be found again when they are sent anew.
    if (last && isMalformed(error) && !(error instanceof EndlessChangeset))
      inTransaction(context, () => context.journal.dropParts(last.origin, last.stamp));
    throw error;
  }
}

/** Thrown where a changeset would hold the lock for too long. Its message is the changeset's name. */
class TooSlow extends Error {}

const nameOf = ({ origin, stamp }: Pick<ChangesetHeader, 'origin' | 'stamp'>): string => `${origin} ${stamp}`;

/** What was noted meanwhile comes first. */
function beginMerging(context: ReplicaContext, around: AroundMerge): void {
  memoryOf(context).begin();
  const drained = drainInTransaction(context);
  if (drained.tables.size > 0) around.settleAfterDrain(context, drained.tables);
}

/** Returns the failure when the bytes of the part are not what they should be; nothing of it is kept then. */
function takePart(context: ReplicaContext, part: ChangesetPart, work: SliceWork): SyncError | null {
  const { journal, origins } = context;
  const isCovered = part.stamp <= stampIn(origins.vector(), part.origin);
  const isSingle = part.part === 0 && part.isLast;
  try {
    if (isCovered && !isSingle) takeCovered(context, part, work.tally);
    else if (isSingle) takeWhole(context, [part], work);
    else {
      refuseEndless(context, part);
      journal.putPart(part);
      if (part.isLast) takeWhole(context, { [Symbol.iterator]: () => journal.parts(part.origin, part.stamp) }, work);
    }
    return null;
  } catch (error) {
    // Only where nothing was written yet; otherwise the transaction must go.
    if (!isSingle || !isMalformed(error)) throw error;
    return error;
  }
}

/** A part of a large changeset that is held already, if it is the same: its header tells. */
function takeCovered(context: ReplicaContext, part: ChangesetPart, tally: MergeTally): void {
  const { origin } = part;
  const header = part.part === 0 ? decodeStaged(part).header : undefined;
  if (header && context.histories.relation(origin, { stamp: header.prev, chain: header.prevChain }) === 'forked') {
    noteFork(tally, { origin });
  }
  if (part.isLast) tally.covered++;
}

function noteFork({ forks }: MergeTally, fork: Fork): void {
  if (!forks.some(({ origin }) => origin === fork.origin)) forks.push(fork);
}

const bytesCodes: ReadonlySet<string> = new Set(['USYNC-1503', 'USYNC-1504', 'USYNC-1507']);
const isMalformed = (error: unknown): error is SyncError => error instanceof SyncError && bytesCodes.has(error.code);

/** All parts of one changeset: merged if it is the next one. They are read one by one, so that any size fits. */
function takeWhole(
  context: ReplicaContext,
  parts: Iterable<ChangesetPart>,
  { tally, tooSlow }: Pick<SliceWork, 'tally' | 'tooSlow'>,
): void {
  const { journal } = context;
  const reading = readParts(parts);
  const first = reading.next();
  const header = first.done ? undefined : first.value.header;
  if (first.done || !header) {
    tally.hasGap = true;
    return;
  }
  if (followNames(context, [header.origin, ...header.seen.keys()])) {
    // What is staged may hold old names and is gone; this one is asked for again.
    raiseFlag(context, true);
    tally.hasGap = true;
    return;
  }
  const gate = gateOf(header, context, () => chainOf(header, parts));
  if (gate.kind !== 'next') {
    if (gate.kind === 'covered') tally.covered++;
    else if (gate.kind === 'gap') tally.hasGap = true;
    else noteFork(tally, gate.fork);
    if (gate.kind !== 'covered') journal.dropParts(header.origin, header.stamp);
    return;
  }
  const bytes = first.value.part.isLast ? first.value.part.bytes.length : journal.bytesOf(header.origin, header.stamp);
  if (tooSlow.has(nameOf(header)) || context.pace.isTooLarge(bytes, rowsOf(first.value))) {
    if (first.value.part.isLast) journal.putPart(first.value.part);
    markLanding(context, header);
  } else count(tally, mergeWhole(context, header, { first: first.value, rest: reading, bytes }));
}

interface Whole {
  readonly first: ReadPart;
  readonly rest: Iterable<ReadPart>;
  readonly bytes: number;
}

/** Throws `TooSlow` when it turns out that the lock would be held for too long; the transaction must go then. */
function mergeWhole(context: ReplicaContext, header: ChangesetHeader, { first, rest, bytes }: Whole): MergedChangeset {
  const { journal, system, pace } = context;
  const startMs = system.monotonicMs();
  const chain = createChain(header.prevChain);
  const totals = { parts: 0, bytes: 0 };
  const take = ({ part, blocks: changes }: ReadPart): readonly ChangeBlock[] => {
    chain.add(part.bytes);
    totals.parts++;
    totals.bytes += part.bytes.length;
    journal.putPart(part);
    return changes;
  };
  function* blocks(): IterableIterator<readonly ChangeBlock[]> {
    yield take(first);
    for (const each of rest) {
      const unsettledMs = memoryOf(context).set.lives.size / settledPerMs;
      const heldMs = system.monotonicMs() - startMs + unsettledMs;
      if (pace.isTooSlow(heldMs, totals.bytes / bytes)) throw new TooSlow(nameOf(header));
      yield take(each);
    }
  }
  const merged = mergeChangeset(context, header, {
    blocks: blocks(),
    advance: () => enterJournal(context, header, { ...totals, chain: chain.value() }),
  });
  pace.learn(bytes, system.monotonicMs() - startMs);
  return merged;
}

/** About how many lives that clash are settled in a millisecond. */
const settledPerMs = 20;

function chainOf({ prevChain }: ChangesetHeader, parts: Iterable<ChangesetPart>): ChainHash {
  const chain = createChain(prevChain);
  for (const { bytes } of parts) chain.add(bytes);
  return chain.value();
}

/** Of one part: what has several is large in any case. */
const rowsOf = ({ blocks }: ReadPart): number => blocks.reduce((sum, block) => sum + block.count, 0);

interface ReadPart extends Pick<DecodedPart, 'blocks'> {
  readonly part: ChangesetPart;
  readonly header: ChangesetHeader | undefined;
}

function* readParts(parts: Iterable<ChangesetPart>): Generator<ReadPart, undefined> {
  for (const part of parts) {
    const { header, blocks } = decodeStaged(part);
    yield { part, header, blocks };
  }
}
