import { decodePart, type DecodedPart } from '../../core/changeset-decoder.js';
import type { ChangeBlock, ChangesetHeader, ChangesetPart } from '../../core/changeset.js';
import { createChain } from '../../core/hash.js';
import { stampIn, type ChainHash } from '../../core/version-vector.js';
import { SyncError } from '../../core/sync-error.js';
import { decompressBytes } from '../../system/compression.js';
import type { Fork, MergeOutcome } from '../replica.js';
import type { JournalEntry } from './journal-store.js';
import { drainInTransaction, drainNotes } from './drain.js';
import { followNames } from './epochs.js';
import { mergeChangeset, memoryOf } from './merge-changeset.js';
import { raiseFlag } from './merging-flag.js';
import { gateOf } from './merge-gate.js';
import type { Merging, ReplicaContext } from './replica-context.js';
import { followSchema } from './schema-change.js';
import { hasSchemaMoved } from './schema-cookie.js';
import { inTransaction, pause, whenFree } from './store-transaction.js';

/** How long one transaction may hold the lock before the application's writers get their turn. */
export const sliceMsMax = 4;

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
 * up to `sliceMsMax`; then the lock stays free for as long as it was held, so that the waiting sleep of SQLite's busy
 * handler is never missed. A changeset is merged whole, whatever its size.
 */
export async function mergeParts(
  context: ReplicaContext,
  parts: readonly ChangesetPart[],
  around: AroundMerge,
): Promise<MergeOutcome> {
  const { system } = context;
  const tally: MergeTally = { merged: 0, covered: 0, rows: 0, conflicts: 0, quarantined: 0, hasGap: false, forks: [] };
  await drainNotes(context, (tables) => around.settleAfterDrain(context, tables));
  let next = 0;
  while (next < parts.length) {
    const startMs = system.monotonicMs();
    const slice = await whenFree(system, () => mergeSlice(context, parts, { next, tally, around }));
    next = slice.next;
    if (slice.failure) throw slice.failure;
    if (next < parts.length) await pause(system, Math.max(system.monotonicMs() - startMs, 1));
  }
  return { ...tally, vector: context.origins.vector() };
}

interface Slice {
  readonly next: number;
  /** A part that cannot be read. What came before it is merged. */
  readonly failure: SyncError | null;
}

function mergeSlice(
  context: ReplicaContext,
  parts: readonly ChangesetPart[],
  work: { readonly next: number; readonly tally: MergeTally; readonly around: AroundMerge },
): Slice {
  const before = { ...work.tally, forks: [...work.tally.forks] };
  let current: ChangesetPart | undefined;
  try {
    return inTransaction(context, () => {
      beginMerging(context, work.around);
      const startMs = context.system.monotonicMs();
      let { next } = work;
      let failure: SyncError | null = null;
      raiseFlag(context, true);
      for (; next < parts.length && !failure; next++) {
        if (next > work.next && context.system.monotonicMs() - startMs >= sliceMsMax) break;
        current = parts[next];
        if (current) failure = takePart(context, current, work.tally);
      }
      raiseFlag(context, false);
      return { next, failure };
    });
  } catch (error) {
    Object.assign(work.tally, before);
    const last = current;
    // Staged parts that cannot be read must not be found again when they are sent anew.
    if (last && isMalformed(error)) inTransaction(context, () => context.journal.dropParts(last.origin, last.stamp));
    throw error;
  }
}

/** What every transaction of ours that writes rows begins with: schema, notes, empty memory. */
export function beginMerging(context: ReplicaContext, around: AroundMerge): void {
  memoryOf(context).begin();
  if (hasSchemaMoved(context)) {
    followSchema(context, around);
    memoryOf(context).begin();
  }
  const drained = drainInTransaction(context);
  if (drained.tables.size > 0) around.settleAfterDrain(context, drained.tables);
}

/** Returns the failure when the bytes of the part are not what they should be; nothing of it is kept then. */
function takePart(context: ReplicaContext, part: ChangesetPart, tally: MergeTally): SyncError | null {
  const { journal, origins } = context;
  const isCovered = part.stamp <= stampIn(origins.vector(), part.origin);
  const isSingle = part.part === 0 && part.isLast;
  try {
    if (isCovered && !isSingle) takeCovered(context, part, tally);
    else if (isSingle) takeWhole(context, [part], tally);
    else {
      journal.putPart(part);
      if (part.isLast) takeWhole(context, { [Symbol.iterator]: () => journal.parts(part.origin, part.stamp) }, tally);
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
  const header = part.part === 0 ? decode(part).header : undefined;
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
function takeWhole(context: ReplicaContext, parts: Iterable<ChangesetPart>, tally: MergeTally): void {
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
  const chain = createChain(header.prevChain);
  const totals = { parts: 0, bytes: 0 };
  function* blocks(): IterableIterator<readonly ChangeBlock[]> {
    for (let each = first; !each.done; each = reading.next()) {
      const { part, blocks: some } = each.value;
      chain.add(part.bytes);
      totals.parts++;
      totals.bytes += part.bytes.length;
      journal.putPart(part);
      yield some;
    }
  }
  const merged = mergeChangeset(context, header, {
    blocks: blocks(),
    advance: () => append(context, header, { ...totals, chain: chain.value() }),
  });
  tally.merged++;
  tally.rows += merged.rows;
  tally.conflicts += merged.conflicts;
  tally.quarantined += merged.refused;
}

function chainOf({ prevChain }: ChangesetHeader, parts: Iterable<ChangesetPart>): ChainHash {
  const chain = createChain(prevChain);
  for (const { bytes } of parts) chain.add(bytes);
  return chain.value();
}

interface ReadPart extends Pick<DecodedPart, 'blocks'> {
  readonly part: ChangesetPart;
  readonly header: ChangesetHeader | undefined;
}

function* readParts(parts: Iterable<ChangesetPart>): Generator<ReadPart, undefined> {
  for (const part of parts) {
    const { header, blocks } = decode(part);
    yield { part, header, blocks };
  }
}

const decode = ({ bytes, origin, stamp, part, isLast }: ChangesetPart): DecodedPart =>
  decodePart(bytes, { decompress: decompressBytes, expect: { origin, stamp, part, isLast } });

/** Into the journal; the vector moves with it. */
function append(
  context: ReplicaContext,
  { origin, stamp, prev }: ChangesetHeader,
  totals: Pick<JournalEntry, 'parts' | 'bytes' | 'chain'>,
): void {
  const { journal, origins, system } = context;
  const nowMs = system.nowMs();
  journal.append({ origin, stamp, prev, ...totals }, nowMs);
  origins.advance(origin, { stamp, chain: totals.chain });
  origins.saw(stamp, nowMs);
}
