/** Carries out what a session asks of one replica, one call after the other, and keeps its open snapshots in hand. */
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import type {
  AdoptionChoice,
  AdoptionPreview,
  MergeOutcome,
  Replica,
  SnapshotReader,
  SnapshotWriter,
} from '../databases/replica.js';
import type { Answer, Question } from '../protocol/message.js';
import { cutText } from '../protocol/text-codec.js';
import { tablesMax, textBytesMax } from '../protocol/protocol-limits.js';
import type { CallResult, MergeResult, ReplicaCall } from '../protocol/session-event.js';

/** What to do with rows that were here before joining; null: not now, a person has to decide. */
export type ChooseAdoption = (dataset: string, preview: AdoptionPreview) => Promise<AdoptionChoice | null>;

export interface ReplicaLane {
  run(round: number, call: ReplicaCall): void;
  /** Resolves when everything that was asked is done; open snapshots are closed. */
  end(): Promise<void>;
}

export interface LaneOptions {
  readonly replica: Replica;
  readonly chooseAdoption: ChooseAdoption | undefined;
  /** Whether it is known that a person has to decide first: then the group's state is not fetched again. */
  readonly isUndecided?: ((dataset: string) => boolean) | undefined;
  /** Asked at each turn in which both sides are new. */
  readonly mayFound: () => boolean;
  onResult(round: number, result: CallResult): void;
  onFailed(round: number, failure: { call: ReplicaCall['kind']; code: string; text: string }): void;
}

interface Open {
  reader: SnapshotReader | null;
  writer: SnapshotWriter | null;
}

export function createReplicaLane(options: LaneOptions): ReplicaLane {
  const open: Open = { reader: null, writer: null };
  let tail: Promise<void> = Promise.resolve();
  /** Calls of this round and before are void: something failed in it. Answers are not of it. */
  let failedRound = -1;
  let hasEnded = false;

  const perform = async (round: number, call: ReplicaCall): Promise<void> => {
    // A question is of no round: who asked waits for its answer.
    if ((round <= failedRound && call.kind !== 'answer') || hasEnded) return;
    try {
      const result = await carryOut(options, open, call);
      if (result && !hasEnded) options.onResult(round, result);
    } catch (error) {
      failedRound = round;
      await closeSnapshots(open);
      if (!hasEnded) {
        options.onFailed(round, { call: call.kind, code: errorCodeOf(error), text: errorMessageOf(error) });
      }
    }
  };
  /** Contents are read beside the calls of the table: a merge must not wait for them, nor they for a merge. */
  const contents = new Set<Promise<void>>();
  const runContent = (round: number, call: ReplicaCall): void => {
    const work = perform(round, call).finally(() => contents.delete(work));
    contents.add(work);
  };
  return {
    run(round, call) {
      if (call.kind === 'answer' && call.question.kind === 'content') {
        if (contents.size < contentsAtOnceMax) runContent(round, call);
        else options.onResult(round, { kind: 'answer', id: call.id, answer: tooMany });
      } else tail = tail.then(() => perform(round, call));
    },
    async end() {
      hasEnded = true;
      await tail;
      await Promise.all(contents);
      await closeSnapshots(open);
    },
  };
}

/** More than a peer that keeps the rules has under way; each answer is bounded, so all are. */
const contentsAtOnceMax = 64;
const tooMany: Answer = { kind: 'failed', code: 'USYNC-1507', text: 'too many questions at once' };

/** Their failure says nothing new: the snapshot is given up in any case. */
async function closeSnapshots(open: Open): Promise<void> {
  const { reader, writer } = open;
  open.reader = null;
  open.writer = null;
  await reader?.close().catch(() => undefined);
  await writer?.abort().catch(() => undefined);
}

async function carryOut(options: LaneOptions, open: Open, call: ReplicaCall): Promise<CallResult | null> {
  const { replica } = options;
  switch (call.kind) {
    case 'position':
      return { kind: 'position', position: await replica.position() };
    case 'read':
      return { kind: 'read', ...(await replica.readJournal(call)) };
    case 'merge':
      return { kind: 'merge', outcome: toResult(await replica.merge(call.parts)) };
    case 'flush':
      return { kind: 'flush', vector: await replica.flush() };
    case 'prove':
      return { kind: 'prove', proof: await replica.proof() };
    case 'history':
      return { kind: 'history', origin: call.origin, history: await replica.history(call.origin) };
    case 'cut': {
      const { origin, theirs } = call;
      return { kind: 'cut', origin, outcome: await replica.cutBranch(origin, theirs) };
    }
    case 'new-epoch': {
      const { origin } = await replica.position();
      if (origin === call.origin) await replica.newEpoch(call.reason);
      return { kind: 'done', call: 'new-epoch' };
    }
    case 'found':
      if (!options.mayFound()) return null;
      await replica.drain();
      return { kind: 'done', call: 'found' };
    case 'answer':
      return { kind: 'answer', id: call.id, answer: await answerOf(replica, call.question) };
    default:
      return await carryOutSnapshot(options, open, call);
  }
}

type SnapshotCall = Extract<ReplicaCall, { kind: `snapshot-${string}` }>;

async function carryOutSnapshot(options: LaneOptions, open: Open, call: SnapshotCall): Promise<CallResult | null> {
  const { replica } = options;
  switch (call.kind) {
    case 'snapshot-open':
      await open.reader?.close();
      open.reader = await replica.openSnapshot();
      return { kind: 'snapshot-open', vector: open.reader.vector, rows: open.reader.rows };
    case 'snapshot-next':
      return { kind: 'snapshot-next', chunk: open.reader ? await open.reader.next() : null };
    case 'snapshot-close': {
      const { reader } = open;
      open.reader = null;
      await reader?.close();
      return null;
    }
    case 'snapshot-receive':
      if (options.isUndecided?.(replica.dataset) && (await replica.position()).isFresh) throw undecided(replica);
      await open.writer?.abort();
      open.writer = await replica.receiveSnapshot(call.vector);
      return { kind: 'snapshot-receive' };
    case 'snapshot-add':
      await writerOf(open).add(call.chunk);
      return { kind: 'snapshot-add' };
    case 'snapshot-abort': {
      const { writer } = open;
      open.writer = null;
      await writer?.abort();
      return null;
    }
    case 'snapshot-finish':
      return { kind: 'snapshot-finish', outcome: toResult(await finishSnapshot(options, open, call.isFirst)) };
  }
}

async function finishSnapshot(options: LaneOptions, open: Open, isFirst: boolean): Promise<MergeOutcome> {
  const writer = writerOf(open);
  const { chooseAdoption, replica } = options;
  if (!isFirst || !chooseAdoption) {
    const outcome = await writer.finish();
    open.writer = null;
    return outcome;
  }
  const choice = await chooseAdoption(replica.dataset, await writer.preview());
  if (choice === null) throw undecided(replica);
  const outcome = await writer.finish(choice);
  open.writer = null;
  return outcome;
}

const undecided = ({ dataset }: Replica): SyncError =>
  new SyncError('USYNC-1406', `It is not decided yet how ${dataset} joins.`);

function writerOf({ writer }: Open): SnapshotWriter {
  if (!writer) throw new SyncError('USYNC-1001', 'A snapshot goes on that was not begun.');
  return writer;
}

function toResult({ vector, merged, rows, conflicts, quarantined, hasGap, forks }: MergeOutcome): MergeResult {
  return { vector, merged, rows, conflicts, quarantined, hasGap, forks };
}

/** A question that cannot be answered is no fault of the dataset: only the asker is told. */
async function answerOf(replica: Replica, question: Question): Promise<Answer> {
  try {
    switch (question.kind) {
      case 'digest': {
        const proof = await replica.proof();
        const leftOut = proof.leftOut.slice(0, tablesMax).map((remark) => cutText(remark, textBytesMax));
        return { kind: 'digest', ...proof, leftOut };
      }
      case 'sums':
        return { kind: 'sums', sums: await replica.bucketSums(question) };
      case 'rows':
        return { kind: 'rows', rows: await replica.bucketRows(question) };
      case 'content': {
        const pieces = await replica.folder?.read(question.requests);
        return { kind: 'content', pieces: pieces ?? question.requests.map(() => null) };
      }
    }
  } catch (error) {
    return { kind: 'failed', code: errorCodeOf(error), text: cutText(errorMessageOf(error), textBytesMax) };
  }
}
