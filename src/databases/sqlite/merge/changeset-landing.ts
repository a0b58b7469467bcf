import type { ChangeBlock, ChangesetHeader, EndBlock } from '../../../core/changeset.js';
import { createChain } from '../../../core/hash.js';
import { createSpanMeter, type SpanMeter } from '../../../core/stamp-span.js';
import { rowKey, type RowKey } from '../../../core/life-state.js';
import { stampIn } from '../../../core/version-vector.js';
import { confirmDuties } from './confirm-duty.js';
import { divideChanges, livesOf } from './divide-changes.js';
import { drainInTransaction } from '../capture/drain.js';
import { tellOfLostChildren } from './lost-children.js';
import { applyBlocks, inMergeOrder, memoryOf, scopeOf, settle, type MergedChangeset } from './merge-changeset.js';
import { createRowMerger } from './merge-rows.js';
import { landingChangeset, type LandingChangeset } from './landing-marker.js';
import { raiseFlag } from '../stores/merging-flag.js';
import { pickChanges, rangeOf } from './pick-changes.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { followSchema } from '../schema/schema-change.js';
import { hasSchemaMoved } from '../connection/schema-cookie.js';
import { settleWaiting } from './settle-waiting.js';
import { settleUnwritten, WrittenMeanwhile } from './settle-unwritten.js';
import { withNamesHere } from '../schema/renames.js';
import { decodeStaged, enterJournal } from './staged-changeset.js';
import { inTransaction, pause, whenFree } from '../stores/store-transaction.js';
import { createWrittenKeys, type WrittenKeys } from '../capture/written-keys.js';

interface Landing {
  readonly context: ReplicaContext;
  readonly around: Pick<Merging, 'settleAfterDrain' | 'settleWaiting'>;
  readonly header: ChangesetHeader;
  readonly written: WrittenKeys;
  readonly meter: SpanMeter;
  readonly isResumed: boolean;
  readonly late: ChangeBlock[];
  readonly lateLives: Set<RowKey>;
  /** Ends that were passed over in this pass: rows that are still referenced. */
  readonly referenced: EndBlock[];
  passedOver: number;
  /** Only ends are looked at again, to find those that nobody references any more. */
  isAgain: boolean;
  rowsAtOnce: number;
  /** Until then the lock is left to others. */
  freeUntilMs: number;
  rows: number;
  conflicts: number;
  refused: number;
}

/**
 * Lands the changeset that the marker names, in short transactions with pauses between them. What applications write
 * meanwhile has no stamp yet: changes to such rows wait for the last transaction, which moves the vector, drains, and
 * only then merges them and confirms. After a crash it is begun again from the staged parts; what has landed is known.
 * Null when nothing is landing.
 */
export async function landChangeset(
  context: ReplicaContext,
  around: Landing['around'],
  { isResumed }: { readonly isResumed: boolean },
): Promise<MergedChangeset | null> {
  const marked = await whenFree(context.system, () => landingChangeset(context));
  if (!marked) return null;
  const first = await partOf(context, marked, 0);
  const header = first && decodeStaged(first).header;
  if (!header || stampIn(context.origins.vector(), marked.origin) >= marked.stamp) {
    await whenFree(context.system, () => inTransaction(context, () => context.meta.set('landing', null)));
    return null;
  }
  const landing = begin(context, around, { header, isResumed });
  await landPass(landing);
  landing.isAgain = true;
  for (let before = Infinity; landing.passedOver > 0 && landing.passedOver < before;) {
    before = landing.passedOver;
    await landPass(landing);
  }
  const chain = createChain(header.prevChain);
  const totals = { parts: 0, bytes: 0 };
  for await (const part of partsOf(context, marked)) {
    chain.add(part.bytes);
    totals.parts++;
    totals.bytes += part.bytes.length;
  }
  const last = await inSlice(landing, () => finish(landing, { ...totals, chain: chain.value() }));
  await untilFree(landing);
  const { rows, conflicts, refused } = landing;
  return { rows, conflicts: conflicts + last.conflicts, refused: refused + last.refused };
}

function begin(
  context: ReplicaContext,
  around: Landing['around'],
  { header, isResumed }: Pick<Landing, 'header' | 'isResumed'>,
): Landing {
  return {
    context,
    around,
    header,
    isResumed,
    written: createWrittenKeys(context),
    meter: createSpanMeter(header),
    late: [],
    lateLives: new Set(),
    referenced: [],
    passedOver: 0,
    isAgain: false,
    rowsAtOnce: context.pace.rowsAtOnce,
    freeUntilMs: 0,
    rows: 0,
    conflicts: 0,
    refused: 0,
  };
}

const partOf = ({ system, journal }: ReplicaContext, { origin, stamp }: LandingChangeset, part: number) =>
  whenFree(system, () => journal.part(origin, stamp, part));

async function* partsOf(context: ReplicaContext, changeset: LandingChangeset) {
  for (let number = 0; ; number++) {
    const part = await partOf(context, changeset, number);
    if (!part) return;
    yield part;
    if (part.isLast) return;
  }
}

/** One transaction, once the pause after the one before is over: what is read and decoded meanwhile is no loss of time. */
async function inSlice<T>(landing: Landing, work: () => T): Promise<T> {
  const { system, pace } = landing.context;
  await untilFree(landing);
  let startMs = system.monotonicMs();
  const result = await whenFree(system, () => {
    startMs = system.monotonicMs();
    return inTransaction(landing.context, work);
  });
  const endMs = system.monotonicMs();
  landing.freeUntilMs = endMs + pace.pauseMs(endMs - startMs);
  return result;
}

async function untilFree({ context: { system }, freeUntilMs }: Landing): Promise<void> {
  const leftMs = freeUntilMs - system.monotonicMs();
  if (leftMs > 0) await pause(system, leftMs);
}

async function landPass(landing: Landing): Promise<void> {
  const { context, header, isAgain } = landing;
  landing.passedOver = 0;
  landing.referenced.length = 0;
  for await (const part of partsOf(context, header)) {
    const { blocks: sent } = decodeStaged(part);
    if (!isAgain) landing.meter.add(sent);
    const blocks = withNamesHere(context, sent);
    for (const block of inMergeOrder(memoryOf(context), blocks)) {
      if (isAgain && block.kind !== 'end') continue;
      if (!isAgain) landing.rows += block.count;
      for (let from = 0; from < block.count;) {
        const to = Math.min(from + landing.rowsAtOnce, block.count);
        await landChanges(landing, pickChanges(block, rangeOf(from, to)));
        from = to;
      }
    }
  }
}

interface Landed {
  readonly heldMs: number;
  readonly conflicts: number;
  readonly refused: number;
  readonly late: ChangeBlock;
  readonly referenced: ChangeBlock;
}

async function landChanges(landing: Landing, block: ChangeBlock): Promise<void> {
  let landed: Landed;
  try {
    landed = await inSlice(landing, () => mergeSome(landing, block));
  } catch (error) {
    if (!(error instanceof WrittenMeanwhile)) throw error;
    if (block.count === 1) return waitForDrain(landing, block);
    const middle = Math.floor(block.count / 2);
    await landChanges(landing, pickChanges(block, rangeOf(0, middle)));
    await landChanges(landing, pickChanges(block, rangeOf(middle, block.count)));
    return;
  }
  landing.conflicts += landed.conflicts;
  landing.refused += landed.refused;
  if (landed.late.count > 0) waitForDrain(landing, landed.late);
  landing.passedOver += landed.referenced.count;
  if (landed.referenced.kind === 'end' && landed.referenced.count > 0) landing.referenced.push(landed.referenced);
  adjustRows(landing, block.count, landed.heldMs);
}

function waitForDrain({ context, header, late, lateLives, isAgain }: Landing, block: ChangeBlock): void {
  const scope = scopeOf(context, memoryOf(context), header);
  const namesOf = (i: number): RowKey[] => livesOf(scope, block, i).map((life) => rowKey(block.table, life));
  const positions = rangeOf(0, block.count);
  const fresh = isAgain ? positions.filter((i) => !namesOf(i).some((name) => lateLives.has(name))) : positions;
  if (fresh.length > 0) late.push(pickChanges(block, fresh));
  for (const i of fresh) for (const name of namesOf(i)) lateLives.add(name);
}

function adjustRows(landing: Landing, count: number, heldMs: number): void {
  const { sliceMs, rowsAtOnceMax } = landing.context.pace;
  if (heldMs > sliceMs) landing.rowsAtOnce = Math.max(8, Math.floor((count * sliceMs) / heldMs));
  else if (heldMs < sliceMs / 2 && count >= landing.rowsAtOnce)
    landing.rowsAtOnce = Math.min(rowsAtOnceMax, landing.rowsAtOnce * 2);
}

function mergeSome(landing: Landing, block: ChangeBlock): Landed {
  const { context, header, written } = landing;
  const startMs = context.system.monotonicMs();
  const memory = beginSlice(landing);
  const scope = scopeOf(context, memory, header);
  const divided = divideChanges(scope, block, landing);
  const now = pickChanges(block, divided.now);
  raiseFlag(context, true);
  if (now.count > 0) applyBlocks(memory, scope, [now], createRowMerger(scope, header.origin));
  const isHomeless = now.kind === 'insert' && !context.tables.byName(now.table);
  const refused = settleUnwritten(scope, written) + (isHomeless ? now.count : 0);
  raiseFlag(context, false);
  return {
    heldMs: context.system.monotonicMs() - startMs,
    conflicts: scope.conflicts.count,
    refused,
    late: pickChanges(block, divided.late),
    referenced: pickChanges(block, divided.referenced),
  };
}

function beginSlice({ context, written, header }: Landing) {
  const memory = memoryOf(context);
  memory.begin();
  if (hasSchemaMoved(context)) {
    followSchema(context);
    memory.begin();
  }
  context.seen.learn(header.origin, header.seen);
  written.refresh();
  return memory;
}

/** The changeset is here as a whole: what applications wrote meanwhile comes after it, and what waited comes under that. */
function finish(
  landing: Landing,
  totals: Parameters<typeof enterJournal>[2],
): Pick<MergedChangeset, 'conflicts' | 'refused'> {
  const { context, header } = landing;
  const memory = beginSlice(landing);
  enterJournal(context, header, totals);
  context.strays.note(header, landing.meter.span());
  context.meta.set('landing', null);
  drainInTransaction(context);
  memory.begin();
  raiseFlag(context, true);
  const scope = scopeOf(context, memory, header);
  // A later part may have told that their table was renamed.
  const waiting = withNamesHere(context, [...landing.late, ...landing.referenced]);
  applyBlocks(memory, scope, waiting, createRowMerger(scope, header.origin));
  const refused = settle(scope);
  if (scope.due.view) tellOfLostChildren(scope, scope.due.view);
  confirmDuties(scope, (confirming, blocks) => {
    applyBlocks(memory, confirming, blocks, createRowMerger(confirming, confirming.by));
    settle(confirming);
  });
  raiseFlag(context, false);
  settleWaiting(context, null);
  return { conflicts: scope.conflicts.count, refused };
}
