/**
 * The replica as the rest of the simulation sees it: calls are traced and checked, a process that is gone answers
 * nothing any more, and a planted bug may sit between.
 */
import { tablesThatDiffer } from '../../src/core/digest.js';
import type { VersionVector } from '../../src/core/version-vector.js';
import type { DrainOutcome, MergeOutcome, Proof, Replica } from '../../src/databases/replica.js';
import { applicationStatement } from './application-statements.js';
import { createGate, gatedReplica } from './gated-replica.js';
import { takeImage } from './server-image.js';
import type { KillSwitch } from './simulated-sqlite.js';
import type { SimulatedProcess } from './simulated-system.js';
import type { VirtualServer } from './virtual-server.js';
import { fail, type KnownProof, type World } from './world.js';

export interface ObservedParts {
  readonly killSwitch: KillSwitch;
  readonly process: SimulatedProcess;
  readonly real: Replica;
}

export function observedReplica(world: World, server: VirtualServer, parts: ObservedParts): Replica {
  const name = `s${server.index}`;
  const keepsFlushed = world.plan.steps.some((step) => step.kind === 'power-loss' && step.server === server.index);
  const bugged = world.bug?.wrapReplica?.(parts.real, { world, server }) ?? parts.real;
  const inner = gatedReplica(bugged, createGate(world, name, parts));
  return {
    ...inner,
    drain: async () => {
      const mark = world.ledger.mark();
      const outcome = await inner.drain();
      if (!outcome.hasMore) for (const witness of world.witnesses) witness.noteDrained(server.index, mark);
      return noteDrain(world, name, outcome);
    },
    merge: async (given) => noteMerge(world, server, `merge ${given.length} parts`, await inner.merge(given)),
    proof: async () => noteProof(world, server, await inner.proof()),
    flush: async () => {
      const vector = await inner.flush();
      if (keepsFlushed) server.flushed = takeImage(world, server, 'flushed');
      return vector;
    },
    receiveSnapshot: async (vector) => {
      const writer = await inner.receiveSnapshot(vector);
      return { ...writer, finish: async (choice) => noteMerge(world, server, 'snapshot', await writer.finish(choice)) };
    },
    newEpoch: async (reason) => {
      const origin = await inner.newEpoch(reason);
      world.trace.line(`${name} new epoch ${origin} (${reason})`);
      return origin;
    },
    cutBranch: async (origin, theirs) => {
      const outcome = await inner.cutBranch(origin, theirs);
      world.trace.line(`${name} compared histories of ${origin}: ${outcome}`);
      return outcome;
    },
  };
}

function noteMerge(world: World, server: VirtualServer, what: string, outcome: MergeOutcome): MergeOutcome {
  const { merged, covered, rows, conflicts, quarantined, hasGap, forks } = outcome;
  world.trace.line(
    `s${server.index} ${what} ${JSON.stringify({ merged, covered, rows, conflicts, quarantined, hasGap, forks })}`,
  );
  if (world.isAtRest && merged > 0) fail(world, 'ECHO', `s${server.index} merged ${merged} changesets at rest`);
  lookAround(world, server);
  return outcome;
}

function noteDrain(world: World, name: string, outcome: DrainOutcome): DrainOutcome {
  const { changesets, rows, schemaChanged } = outcome;
  if (changesets > 0 || schemaChanged)
    world.trace.line(`${name} drained ${JSON.stringify({ changesets, rows, schemaChanged })}`);
  if (world.isAtRest && changesets > 0) fail(world, 'ECHO', `${name} captured ${changesets} changesets at rest`);
  return outcome;
}

/**
 * Equal vectors must mean equal digests, at any two servers and at any two times: of the tables that sessions compare.
 * Where one of the two says that a column or a table is not here, what is in it waits for a migration: until then the other one, which may have
 * it under a former name, differs. All must be equal at the end.
 */
function noteProof(world: World, server: VirtualServer, proof: Proof): Proof {
  // A server whose replica has a column which another one has not yet has other content to hash.
  const columns = [...proof.digest].map(([table, each]) => `${table}:${each.columns}`).toSorted();
  const vector = [vectorText(proof.vector), ...columns].join(' ');
  const known = world.proofsByVector.get(vector) ?? [];
  const facts = { proof, untold: untoldTables(server), server: server.index };
  for (const other of known) {
    const leftOut = [...proof.leftOut, ...other.proof.leftOut];
    const untold = new Set([...other.untold, ...facts.untold]);
    const differing = tablesThatDiffer(other.proof.digest, proof.digest, leftOut).filter((table) => !untold.has(table));
    if (differing.length === 0) continue;
    const [before, now] = [other.proof, proof].map(({ digest }) => digestText(digest, differing));
    const texts = `s${other.server} ${before} / s${server.index} ${now} at ${vector}`;
    fail(world, 'DIGEST', `equal vectors, unequal digests: ${texts}`);
  }
  const text = (of: KnownProof): string => JSON.stringify([[...of.proof.digest], of.proof.leftOut, of.untold]);
  if (known.every((other) => text(other) !== text(facts))) world.proofsByVector.set(vector, [...known, facts]);
  return proof;
}

/**
 * Tables that whoever gave this server a snapshot had lost: it says that it lacks rows of them, and asks a peer when a proof
 * tells that it does.
 */
function untoldTables({ app }: VirtualServer): string[] {
  const sql = `SELECT t.name FROM _usync_meta m, json_each(m.value) n JOIN _usync_tables t ON t.number = n.value
    WHERE m.name = 'untold-tables' ORDER BY 1`;
  return (applicationStatement(app, sql).all() as { readonly name: string }[]).map(({ name }) => name);
}

const digestText = (digest: Proof['digest'], tables: readonly string[]): string =>
  tables.map((table) => `${table}:${digest.get(table)?.rows ?? 0}:${digest.get(table)?.sum ?? 0}`).join(' ');

export const vectorText = (vector: VersionVector): string =>
  [...vector]
    .filter(([, entry]) => entry.stamp > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([origin, entry]) => `${origin}:${entry.stamp}:${entry.chain}`)
    .join(' ');

function isLandingSnapshot({ app }: VirtualServer): boolean {
  const landing = applicationStatement(app, `SELECT value FROM _usync_meta WHERE name = 'landing'`).get() as
    { readonly value: string } | undefined;
  return landing !== undefined && !('changeset' in (JSON.parse(landing.value) as object));
}

/**
 * Whole and causal, at any moment but while a snapshot lands in slices: the log tables of every application hold pairs, and
 * what each row had seen. Rows that were there before their server joined belong to no changeset: they come when they are adopted.
 */
export function lookAround(world: World, server: VirtualServer): void {
  if (isLandingSnapshot(server)) return;
  const broken = (promise: string, sql: string): void => {
    const rows = applicationStatement(server.app, sql).all() as { id: string; needed: string }[];
    const row = rows.find(({ needed }) => !world.ledger.isOutside(needed));
    if (row) fail(world, promise, `s${server.index} row ${row.id}`);
  };
  broken(
    'WHOLE',
    'SELECT id, id AS needed FROM log_a WHERE id NOT IN (SELECT id FROM log_b) UNION SELECT id, id FROM log_b WHERE id NOT IN (SELECT id FROM log_a)',
  );
  broken(
    'CAUSAL',
    'SELECT id, seen AS needed FROM log_a WHERE seen IS NOT NULL AND seen NOT IN (SELECT id FROM log_a)',
  );
}
