/** For the acceptance suites of the replica contract: sites, and how two of them meet. */
import assert from 'node:assert/strict';
import { tablesThatDiffer } from '../core/digest.js';
import type { ServerId } from '../core/origin.js';
import { emptyVector, isEqualVector, type VersionVector } from '../core/version-vector.js';
import { nothingMerged } from './nothing-merged.js';
import type { MergeOutcome, Replica } from './replica.js';

/** One database of the engine under test, with a connection of the application beside the replica. */
export interface ReplicaSite {
  readonly replica: Replica;
  readonly server: ServerId;
  /** Runs statements as the application, on a connection of its own. */
  execute(sql: string): void;
  /** Rows as text, sorted, exactly comparable between sites. */
  dump(table: string): string[];
  close(): Promise<void>;
}

export interface ReplicaHarness {
  /** A site with the tables of `schema` made, nothing in them, and the replica not yet opened. */
  createSite(name: string): Promise<ReplicaSite>;
  /** SQL that makes: `items` (generated key `id`, `name` text, `amount` real, `place` text), `tags` (text key `tag`, `colour` text). */
  readonly schema: string;
  /** SQL that makes table `later` (generated key `id`, `name` text); run by tests of schema skew. */
  readonly laterTable: string;
}

export async function openSite(harness: ReplicaHarness, name: string): Promise<ReplicaSite> {
  const site = await harness.createSite(name);
  site.execute(harness.schema);
  await site.replica.open();
  await drainAll(site);
  return site;
}

export async function drainAll(site: ReplicaSite): Promise<number> {
  let changesets = 0;
  for (;;) {
    const outcome = await site.replica.drain();
    changesets += outcome.changesets;
    if (!outcome.hasMore) return changesets;
  }
}

export async function vectorAfterDrain(site: ReplicaSite): Promise<VersionVector> {
  await drainAll(site);
  return (await site.replica.position()).vector;
}

type Parts = Parameters<Replica['merge']>[0];
export const copies = (parts: Parts): Parts => parts.map((part) => ({ ...part, bytes: part.bytes.slice() }));

/** Streams everything that `to` lacks from `from`, in small reads. Returns the sums over all merges. */
export async function exchange(from: ReplicaSite, to: ReplicaSite): Promise<MergeOutcome> {
  await drainAll(from);
  let after = 0;
  let sum: MergeOutcome = {
    vector: emptyVector,
    ...nothingMerged,
  };
  for (;;) {
    const { vector } = await to.replica.position();
    const read = await from.replica.readJournal({ vector, after, bytesMax: 4096 });
    assert.deepEqual([read.needsSnapshot, read.forks], [false, []]);
    if (read.parts.length === 0) return sum;
    const outcome = await to.replica.merge(copies(read.parts));
    assert.deepEqual([outcome.hasGap, outcome.forks], [false, []]);
    sum = {
      ...outcome,
      merged: sum.merged + outcome.merged,
      quarantined: sum.quarantined + outcome.quarantined,
      conflicts: sum.conflicts + outcome.conflicts,
    };
    after = read.next;
  }
}

/** Both directions until nothing moves; confirmations need a second round. */
export async function meet(a: ReplicaSite, b: ReplicaSite): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await exchange(a, b);
    await exchange(b, a);
    if (isEqualVector((await a.replica.position()).vector, (await b.replica.position()).vector)) return;
  }
  assert.fail('the replicas do not come to rest');
}

export async function copySnapshot(from: ReplicaSite, to: ReplicaSite): Promise<void> {
  await drainAll(from);
  const reader = await from.replica.openSnapshot();
  const writer = await to.replica.receiveSnapshot(reader.vector);
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) await writer.add(chunk);
  await reader.close();
  await writer.finish();
}

export async function assertEqual(a: ReplicaSite, b: ReplicaSite): Promise<void> {
  const [here, there] = [await a.replica.proof(), await b.replica.proof()];
  assert.ok(isEqualVector(here.vector, there.vector), 'vectors are equal');
  assert.deepEqual(tablesThatDiffer(here.digest, there.digest), []);
  for (const table of ['items', 'tags']) assert.deepEqual(a.dump(table), b.dump(table), table);
}
