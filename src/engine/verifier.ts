/** `verify`: compares digests with every connected member, and where they differ, finds the rows by halving into buckets. */
import { emptyDigest, tablesNotCompared, tablesThatDiffer, type DatasetDigest } from '../core/digest.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { RawText, type SqlValue } from '../core/value.js';
import { isEqualVector, type VersionVector } from '../core/version-vector.js';
import type { Replica } from '../databases/replica.js';
import type { Answer, AnsweredRow, Question } from '../protocol/message.js';
import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';
import type { VerifyComparison, VerifyTableDifference } from './engine.js';
import { verifyBuckets, verifyWaitMs } from './engine-limits.js';
import type { RunningSession } from './session-runner.js';

export interface Comparing {
  readonly dataset: string;
  readonly peer: string;
  readonly replica: Replica;
  readonly session: RunningSession;
  readonly system: System;
  readonly rowsMax: number;
  readonly signal: AbortSignal | undefined;
}

type Digests = Extract<Answer, { kind: 'digest' }>;

/** Waits a moment for equal vectors: while someone writes, two servers are rarely at the same point. */
export async function compareWithPeer(comparing: Comparing): Promise<VerifyComparison> {
  const { replica, system, signal } = comparing;
  const untilMs = system.monotonicMs() + verifyWaitMs;
  for (;;) {
    const answer = await ask(comparing, { kind: 'digest' });
    if (answer.kind !== 'digest') return unreachable(comparing, answer);
    const own = await replica.proof();
    const isPlaced = areFilesPlaced(replica, own.held, answer.held);
    if (isEqualVector(own.vector, answer.vector) && isPlaced) {
      const silent = [...own.leftOut, ...answer.leftOut];
      const tables = await differences(comparing, own.digest, { answer, silent });
      const notCompared = tablesNotCompared(own.digest, answer.digest, silent);
      return result(comparing, { own: own.digest, tables, notCompared });
    }
    if (system.monotonicMs() >= untilMs || signal?.aborted)
      return behind(comparing, own.digest, isPlaced ? notMerged : notOnDisk(comparing, own.held, answer.held));
    await sleep(system, 100, signal);
  }
}

export interface Equality {
  readonly vector: VersionVector;
  /** What the peer does not show of it. */
  readonly peerHeld: number;
}

/** One look without waiting: the vector at which both hold the same data now, or null. */
export async function lookIfEqual({
  dataset,
  replica,
  session,
}: Pick<Comparing, 'dataset' | 'replica' | 'session'>): Promise<Equality | null> {
  const answer = await session.ask(dataset, { kind: 'digest' });
  if (answer.kind !== 'digest') return null;
  const own = await replica.proof();
  if (!isEqualVector(own.vector, answer.vector)) return null;
  const silent = [...own.leftOut, ...answer.leftOut];
  if (tablesThatDiffer(own.digest, answer.digest, silent).length > 0) return null;
  return { vector: own.vector, peerHeld: answer.held };
}

/** Equal tables of a folder say what its disks should show: they do when nothing is left to place on either. */
const areFilesPlaced = ({ folder }: Replica, here: number, there: number): boolean =>
  folder === undefined || (here === 0 && there === 0);

const ask = ({ session, dataset }: Comparing, question: Question): Promise<Answer> => session.ask(dataset, question);

const rowsIn = (digest: DatasetDigest): number => [...digest.values()].reduce((sum, { rows }) => sum + rows, 0);

interface Other {
  readonly answer: Digests;
  readonly silent: readonly string[];
}

async function differences(
  comparing: Comparing,
  own: DatasetDigest,
  { answer, silent }: Other,
): Promise<VerifyTableDifference[]> {
  const found: VerifyTableDifference[] = [];
  for (const table of tablesThatDiffer(own, answer.digest, silent)) {
    const rowsHere = (own.get(table) ?? emptyDigest).rows;
    const rowsThere = (answer.digest.get(table) ?? emptyDigest).rows;
    found.push({ table, rowsHere, rowsThere, ...(await differingRows(comparing, table)) });
  }
  return found;
}

async function differingRows(
  comparing: Comparing,
  table: string,
): Promise<Pick<VerifyTableDifference, 'rows' | 'isComplete'>> {
  const { replica, rowsMax } = comparing;
  const buckets = verifyBuckets;
  const there = await ask(comparing, { kind: 'sums', table, buckets });
  if (there.kind !== 'sums') return { rows: [], isComplete: false };
  const here = await replica.bucketSums({ table, buckets });
  const chosen = here.flatMap((sum, bucket) => (sum === there.sums[bucket] ? [] : [bucket]));
  const asked = { table, buckets, chosen: chosen.slice(0, bucketsAskedMax), rowsMax: bucketRowsAskedMax };
  const rowsThere = await ask(comparing, { kind: 'rows', ...asked });
  if (rowsThere.kind !== 'rows') return { rows: [], isComplete: false };
  const rows = namedRows(await replica.bucketRows(asked), rowsThere.rows);
  const isComplete =
    chosen.length <= bucketsAskedMax && rowsThere.rows.length < bucketRowsAskedMax && rows.length <= rowsMax;
  return { rows: rows.slice(0, rowsMax), isComplete };
}

const bucketsAskedMax = 64;
const bucketRowsAskedMax = 4_000;

function namedRows(here: readonly AnsweredRow[], there: readonly AnsweredRow[]): VerifyTableDifference['rows'] {
  const hashByKeyHere = new Map(here.map((row) => [keyText(row.key), row.hash]));
  const hashByKeyThere = new Map(there.map((row) => [keyText(row.key), row.hash]));
  const keys = new Set([...hashByKeyHere.keys(), ...hashByKeyThere.keys()]);
  return [...keys]
    .filter((key) => hashByKeyHere.get(key) !== hashByKeyThere.get(key))
    .toSorted()
    .map((key) => ({
      key,
      where: !hashByKeyThere.has(key) ? 'here' : !hashByKeyHere.has(key) ? 'there' : 'both',
    }));
}

const keyText = (key: readonly SqlValue[]): string => key.map(valueText).join(', ');

function valueText(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (value instanceof RawText) return `text ${Buffer.from(value.bytes).toString('hex')}`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return String(value);
}

interface Found {
  readonly own: DatasetDigest;
  readonly tables: readonly VerifyTableDifference[];
  readonly notCompared: readonly string[];
}

function result({ dataset, peer }: Comparing, { own, tables, notCompared }: Found): VerifyComparison {
  const isEqual = tables.length === 0;
  if (isEqual && notCompared.length > 0) {
    const reason = `${notCompared.join(', ')} cannot be compared: a server lacks tables or columns.`;
    const { nextStep } = errorCatalogue['USYNC-1303'];
    return { dataset, peer, result: 'equal', rows: rowsIn(own), tables, notCompared, reason, nextStep };
  }
  return {
    dataset,
    peer,
    result: isEqual ? 'equal' : 'differs',
    rows: rowsIn(own),
    tables,
    notCompared,
    reason: isEqual ? null : `Content differs in ${tables.map(({ table }) => table).join(', ')}.`,
    nextStep: isEqual ? null : 'Run "usync doctor" on both servers; the next reconcile captures what was missed.',
  };
}

type Advice = Pick<VerifyComparison, 'reason' | 'nextStep'>;

const notMerged: Advice = {
  reason: 'The two servers have not merged the same changes yet.',
  nextStep: 'Run it again when "usync status" shows that they have.',
};

function notOnDisk({ dataset, peer }: Comparing, here: number, there: number): Advice {
  const count = here === 0 ? there : here;
  const where = here === 0 ? `of ${peer}` : 'here';
  return {
    reason: `${count} ${count === 1 ? 'entry is' : 'entries are'} not on disk ${where} as the folder's table says, or is still being read, or its deletions are held.`,
    nextStep: `Run "usync files show ${dataset}" ${here === 0 ? `on ${peer}` : 'here'}: it says why.`,
  };
}

const behind = ({ dataset, peer }: Comparing, own: DatasetDigest, advice: Advice): VerifyComparison => ({
  dataset,
  peer,
  result: 'behind',
  rows: rowsIn(own),
  tables: [],
  notCompared: [],
  ...advice,
});

function unreachable({ dataset, peer }: Comparing, answer: Answer): VerifyComparison {
  return {
    dataset,
    peer,
    result: 'unreachable',
    rows: 0,
    tables: [],
    notCompared: [],
    reason:
      answer.kind === 'failed'
        ? `${answer.text.replace(/\.$/, '')}.`
        : 'It gave another answer than the one asked for.',
    nextStep: 'Run "usync status": it says why.',
  };
}
