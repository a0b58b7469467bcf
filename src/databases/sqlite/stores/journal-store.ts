import type { ChangesetPart } from '../../../core/changeset.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import { covers, joinVectors, stampIn, type ChainHash, type VersionVector } from '../../../core/version-vector.js';
import type { Fork, JournalNews, JournalRead, JournalRequest, PruneOutcome, PruneRequest } from '../../replica.js';
import type { Connection, PlainRow } from '../connection/driver.js';
import type { HistoryStore } from './history-store.js';
import { createNewsKeeper } from './journal-news.js';
import type { MetaStore } from './meta-store.js';
import type { OriginStore } from './origin-store.js';
import { createPartStore, type PartStore } from './part-store.js';
import { integerAt, textAt } from '../connection/row-values.js';
import { textToVector, vectorToText } from './vector-text.js';

/** One changeset as it stands in the journal; its parts are kept apart. */
export interface JournalEntry {
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly prev: Stamp;
  /** Chain hash of the origin at this changeset. */
  readonly chain: ChainHash;
  readonly parts: number;
  readonly bytes: number;
}

/** With its place in merge order, and when it was merged here. */
export interface PlacedEntry extends JournalEntry {
  readonly position: number;
  readonly mergedMs: number;
}

/** The changesets of all origins in merge order. Parts without an entry are staged: received, not yet merged. */
export interface JournalStore extends PartStore {
  append(entry: JournalEntry, nowMs: number): void;
  /** Marks that a snapshot was merged here: nothing after it may be streamed to a peer that lacks `vector` (R9.2). */
  appendGap(vector: VersionVector, nowMs: number): void;
  find(origin: OriginId, stamp: Stamp): JournalEntry | null;
  /**
   * Forgets the changesets from `from` on and everything that was merged after the first of them, and what is staged:
   * their bytes may name what has another name now. What they were is kept in the histories.
   */
  dropBranch(origin: OriginId, from: Stamp): void;
  read(request: JournalRequest): JournalRead;
  /** The changesets below a position (default: all), newest merged first, at most `max`. */
  newestBefore(position: number | null, max: number): readonly PlacedEntry[];
  /** What was appended since the last call, as long as it was little and nothing failed meanwhile; null else. */
  takeNews(): JournalNews | null;
  tail(): VersionVector;
  setTail(vector: VersionVector): void;
  bytes(): number;
  /** When the oldest entry was merged; null while there is none. */
  sinceMs(): number | null;
  /** At most `entriesMax` a call, so that locks stay short; less than that removed means done. */
  prune(request: PruneRequest, nowMs: number, entriesMax: number): PruneOutcome;
  reload(): void;
}

/** A cursor is `position * cursorScale + parts of it already sent`. */
const cursorScale = 2 ** 20;

export interface JournalParts {
  readonly origins: OriginStore;
  readonly meta: MetaStore;
  readonly histories: HistoryStore;
}

export function createJournalStore(connection: Connection, { origins, meta, histories }: JournalParts): JournalStore {
  const sql = prepareStatements(connection);
  const partStore = createPartStore(connection, origins);
  const news = createNewsKeeper();
  let bytes: number | null = null;
  const numberOf = (origin: OriginId): bigint => BigInt(origins.numberOf(origin));
  const entryOf = (row: PlainRow): JournalEntry => ({
    origin: origins.originOf(integerAt(row, 0)),
    stamp: integerAt(row, 1) as Stamp,
    prev: integerAt(row, 2) as Stamp,
    chain: textAt(row, 3) as ChainHash,
    parts: integerAt(row, 4),
    bytes: integerAt(row, 5),
  });

  const journal: JournalStore = {
    append({ origin, stamp, prev, chain, parts, bytes: size }, nowMs) {
      const numbers = [BigInt(parts), BigInt(size), BigInt(Math.trunc(nowMs))];
      const { lastRowid } = sql.append.run(numberOf(origin), BigInt(stamp), BigInt(prev), chain, ...numbers, null);
      news.appended({ origin, stamp, parts, position: Number(lastRowid) });
      if (bytes !== null) bytes += size;
    },
    appendGap(vector, nowMs) {
      sql.append.run(...[null, null, null, null, 0n, 0n], BigInt(Math.trunc(nowMs)), vectorToText(vector));
      news.forget();
    },
    find(origin, stamp) {
      const row = sql.find.get(numberOf(origin), BigInt(stamp));
      return row ? entryOf(row) : null;
    },
    ...partStore,
    putPart(part) {
      partStore.putPart(part);
      news.put(part);
    },
    takeNews: () => news.take(cursorScale),
    dropBranch(origin, from) {
      const position = firstOfBranch({ journal, sql, origins }, origin, from);
      histories.keepJournal(position, Number.MAX_SAFE_INTEGER);
      sql.removeFrom.run(BigInt(position));
      news.forget();
      sql.dropLoose.run();
      bytes = null;
    },
    read: (request) => readJournal({ request, journal, sql, origins, histories }),
    newestBefore: (position, max) =>
      sql.newest.all(BigInt(position ?? Number.MAX_SAFE_INTEGER), BigInt(max)).map((row) => ({
        ...entryOf(row),
        position: integerAt(row, 6),
        mergedMs: integerAt(row, 7),
      })),
    tail: () => textToVector(meta.text('tail')),
    setTail(vector) {
      meta.set('tail', vectorToText(vector));
    },
    sinceMs: () => sql.oldest.all(1n).map((row) => integerAt(row, 5))[0] ?? null,
    bytes: () => (bytes ??= integerAt(sql.bytes.get() ?? [0n], 0)),
    prune(request, nowMs, entriesMax) {
      const outcome = pruneJournal({ request, nowMs, entriesMax, journal, sql, origins, histories });
      bytes = null;
      return outcome;
    },
    reload() {
      bytes = null;
      news.forget();
    },
  };
  return journal;
}

const entryColumns = 'origin, stamp, prev, chain, parts, bytes';

function prepareStatements(connection: Connection) {
  const prepare = (text: string) => connection.prepare(text);
  return {
    append: prepare(
      `INSERT INTO _usync_journal (origin, stamp, prev, chain, parts, bytes, time, gap) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    find: prepare(`SELECT ${entryColumns} FROM _usync_journal WHERE origin = ? AND stamp = ?`),
    firstOf: prepare('SELECT min(position) FROM _usync_journal WHERE origin = ? AND stamp >= ?'),
    // An origin's changesets are merged in the order of their stamps.
    firstAbove: prepare('SELECT position FROM _usync_journal WHERE origin = ? AND stamp > ? ORDER BY stamp LIMIT 1'),
    gaps: prepare('SELECT position, gap FROM _usync_journal WHERE gap IS NOT NULL ORDER BY position'),
    removeFrom: prepare('DELETE FROM _usync_journal WHERE position >= ?'),
    dropLoose: prepare(
      `DELETE FROM _usync_parts AS p WHERE NOT EXISTS (
         SELECT 1 FROM _usync_journal j WHERE j.origin = p.origin AND j.stamp = p.stamp AND j.origin IS NOT NULL)`,
    ),
    bytes: prepare('SELECT coalesce(sum(bytes), 0) FROM _usync_journal'),
    page: prepare(
      `SELECT position, origin, stamp, parts, bytes, gap FROM _usync_journal WHERE position >= ? ORDER BY position
       LIMIT 500`,
    ),
    newest: prepare(
      `SELECT ${entryColumns}, position, time FROM _usync_journal WHERE position < ? AND origin IS NOT NULL
       ORDER BY position DESC LIMIT ?`,
    ),
    mergedBefore: prepare(
      'SELECT origin, max(stamp) FROM _usync_journal WHERE position < ? AND origin IS NOT NULL GROUP BY origin',
    ),
    oldest: prepare(
      `SELECT position, origin, stamp, chain, bytes, time, gap FROM _usync_journal ORDER BY position LIMIT ?`,
    ),
    removeAt: prepare('DELETE FROM _usync_journal WHERE position = ?'),
  };
}

interface ReadWork {
  readonly request: JournalRequest;
  readonly journal: JournalStore;
  readonly sql: ReturnType<typeof prepareStatements>;
  readonly origins: OriginStore;
  readonly histories: HistoryStore;
}

function readJournal(work: ReadWork): JournalRead {
  const { vector, after, bytesMax } = work.request;
  const forks = forksWith(work, vector);
  const stop = (needsSnapshot: boolean): JournalRead => ({ parts: [], next: after, needsSnapshot, forks });
  if (forks.length > 0) return stop(false);
  if (!covers(vector, work.journal.tail()) && !isPastTail(work)) return stop(true);
  // Who has everything is asked after most of all.
  if (covers(vector, work.origins.vector())) return stop(false);
  const parts: ChangesetPart[] = [];
  let bytes = 0;
  let next = after;
  let skip = after % cursorScale;
  let position = Math.floor(after / cursorScale);
  if (after === 0) {
    position = firstLacking(work) ?? 0;
    if (!coversGapsBefore(work, position)) return stop(true);
  }
  for (;;) {
    const page = work.sql.page.all(BigInt(position));
    for (const row of page) {
      position = integerAt(row, 0);
      if (row[5] !== null) {
        if (!coversGap(work, position, textToVector(textAt(row, 5)))) {
          return { parts, next, needsSnapshot: parts.length === 0, forks };
        }
      } else {
        const origin = work.origins.originOf(integerAt(row, 1));
        const stamp = integerAt(row, 2) as Stamp;
        const partCount = integerAt(row, 3);
        if (stampIn(vector, origin) < stamp) {
          for (let number = skip; number < partCount; number++) {
            if (parts.length > 0 && bytes >= bytesMax) return { parts, next, needsSnapshot: false, forks };
            const part = work.journal.part(origin, stamp, number);
            if (!part) return stop(true);
            parts.push(part);
            bytes += part.bytes.length;
            next = position * cursorScale + number + 1;
          }
        }
      }
      skip = 0;
      position++;
      next = position * cursorScale;
    }
    if (page.length < 500) return { parts, next, needsSnapshot: false, forks };
  }
}

/**
 * Where the journal first holds what the peer lacks, so that a stream that begins anew need not pass all that it has.
 * Null when the journal holds nothing of the kind.
 */
function firstLacking({ request, sql, origins }: ReadWork): number | null {
  let first: number | null = null;
  for (const [origin, { stamp }] of origins.vector()) {
    const held = stampIn(request.vector, origin);
    if (held >= stamp) continue;
    const [position] = sql.firstAbove.get(BigInt(origins.numberOf(origin)), BigInt(held)) ?? [];
    if (typeof position === 'bigint') first = Math.min(first ?? Infinity, Number(position));
  }
  return first;
}

const coversGapsBefore = (work: ReadWork, position: number): boolean =>
  work.sql.gaps
    .all()
    .every(([at, gap]) => Number(at) >= position || coversGap(work, Number(at), textToVector(String(gap))));

/** A stream that began before the journal was pruned under it goes on: what it passed, the peer has been sent. */
function isPastTail({ request, sql }: ReadWork): boolean {
  if (request.after === 0) return false;
  const oldest = sql.oldest.get(1n);
  return oldest !== undefined && Math.floor(request.after / cursorScale) >= integerAt(oldest, 0);
}

/** What the peer has once everything before the marker has reached it, against what the marker demands. */
function coversGap({ request, sql, origins }: ReadWork, position: number, gap: VersionVector): boolean {
  const merged = new Map(
    sql.mergedBefore.all(BigInt(position)).map((row) => [origins.originOf(integerAt(row, 0)), integerAt(row, 1)]),
  );
  for (const [origin, { stamp }] of gap) {
    if (Math.max(stampIn(request.vector, origin), merged.get(origin) ?? 0) < stamp) return false;
  }
  return true;
}

/** Origins whose entry in the peer's vector is of another history than ours. Entries we lack tell nothing. */
const forksWith = ({ histories }: ReadWork, vector: VersionVector): Fork[] =>
  [...vector].flatMap(([origin, entry]) => (histories.relation(origin, entry) === 'forked' ? [{ origin }] : []));

/** Where the branch begins in merge order; the beginning of all where that is forgotten. */
function firstOfBranch(
  { journal, sql, origins }: Omit<ReadWork, 'request' | 'histories'>,
  origin: OriginId,
  from: Stamp,
): number {
  if (stampIn(journal.tail(), origin) >= from) return 0;
  const [entry] = sql.firstOf.get(BigInt(origins.numberOf(origin)), BigInt(from)) ?? [];
  const gap = sql.gaps.all().find((row) => stampIn(textToVector(textAt(row, 1)), origin) >= from)?.[0];
  const found = [entry, gap].flatMap((position) => (typeof position === 'bigint' ? Number(position) : []));
  return found.length > 0 ? Math.min(...found) : 0;
}

interface PruneWork extends Omit<ReadWork, 'request'> {
  readonly request: PruneRequest;
  readonly nowMs: number;
  readonly entriesMax: number;
}

/** From the oldest on, and only as long as each may go: a hole in the middle could not be told from a gap. */
function pruneJournal({ request, nowMs, entriesMax, journal, sql, origins, histories }: PruneWork): PruneOutcome {
  let tail = journal.tail();
  let total = journal.bytes();
  let [entries, bytes] = [0, 0];
  for (const row of sql.oldest.all(BigInt(entriesMax))) {
    const size = integerAt(row, 4);
    const isOverBounds = nowMs - integerAt(row, 5) > request.ageMaxMs || total > request.bytesMax;
    const gap = row[6] === null ? null : textToVector(textAt(row, 6));
    const lost: VersionVector =
      gap ??
      new Map([
        [
          origins.originOf(integerAt(row, 1)),
          { stamp: integerAt(row, 2) as Stamp, chain: textAt(row, 3) as ChainHash },
        ],
      ]);
    const isRecent = nowMs - integerAt(row, 5) <= (request.keepMs ?? 0) && total <= (request.keepBytes ?? 0);
    if (!isOverBounds && (isRecent || !covers(request.covered, lost))) break;
    tail = joinVectors(tail, lost);
    histories.keepJournal(integerAt(row, 0), integerAt(row, 0));
    sql.removeAt.run(row[0] ?? null);
    for (const [origin, { stamp }] of gap ? [] : lost) journal.dropParts(origin, stamp);
    total -= size;
    bytes += size;
    entries++;
  }
  if (entries > 0) {
    journal.setTail(tail);
    histories.trim();
  }
  return { entries, bytes };
}
