/**
 * Forks: two histories under one origin. A history is a line of changesets, each with a chain hash over all before it,
 * so two histories are a path to where they part, and two branches. The younger branch is cut: it gets an origin made
 * of the chain of its first changeset, so whoever holds it gives it the same name without asking anyone.
 */
import { originIdOf, serverIdOfOrigin, type Epoch, type OriginId } from './origin.js';
import type { Stamp } from './stamp.js';
import type { ChainHash, VectorEntry } from './version-vector.js';

/** One changeset of an origin's history. */
export interface HistoryPoint extends VectorEntry {
  /** Stamp of the changeset before it; 0 for the first. */
  readonly prev: Stamp;
}

/** The newest changesets of one origin, oldest first, without a hole: each one's `prev` is the one before it. */
export type History = readonly HistoryPoint[];

/** How many changesets of a history servers keep and tell, beyond what is in the journal. */
export const historyPointsMax = 4096;

/** The name of the branch whose first changeset has this chain hash. */
export const branchOrigin = (origin: OriginId, chain: ChainHash): OriginId =>
  originIdOf(serverIdOfOrigin(origin), epochOfChain(chain));

export const epochOfChain = (chain: ChainHash): Epoch => chain.slice(0, 8) as Epoch;

export interface Parting {
  /** The first changeset after the parting, on either side. */
  readonly mine: HistoryPoint;
  readonly theirs: HistoryPoint;
}

/**
 * Where two histories of one origin part; null when one is the beginning of the other, or when that cannot be told.
 * Where neither reaches back to the parting, the oldest that both reach back to counts as the first of its branch.
 */
export function partingOf(mine: History, theirs: History): Parting | null {
  const placeByPoint = new Map(theirs.map((point, place) => [nameOf(point), place]));
  const common = mine.findLastIndex((point) => placeByPoint.has(nameOf(point)));
  const found = mine[common];
  if (found) return pairOf(mine[common + 1], theirs[(placeByPoint.get(nameOf(found)) ?? 0) + 1]);
  const [first, other] = [mine[0], theirs[0]];
  if (!first || !other) return null;
  // Both go on from the same changeset, or from none: these are the first of their branches.
  if (first.prev === other.prev) return { mine: first, theirs: other };
  const from = Math.max(first.stamp, other.stamp);
  const reaches = (point: HistoryPoint): boolean => point.stamp >= from;
  return pairOf(mine.find(reaches), theirs.find(reaches));
}

const nameOf = ({ stamp, chain }: HistoryPoint): string => `${stamp} ${chain}`;

const pairOf = (mine: HistoryPoint | undefined, theirs: HistoryPoint | undefined): Parting | null =>
  mine && theirs ? { mine, theirs } : null;

/** Of two branches the one that is cut. */
export const isYounger = (a: VectorEntry, b: VectorEntry): boolean =>
  a.stamp === b.stamp ? a.chain > b.chain : a.stamp > b.stamp;
