/**
 * The replica as the rest of the simulation sees it: calls are traced, a process that is gone answers nothing any more,
 * and a planted bug may sit between.
 */
import type { DrainOutcome, MergeOutcome, Replica } from '../../src/databases/replica.js';
import type { VersionVector } from '../../src/core/version-vector.js';
import type { KillSwitch } from './simulated-sqlite.js';
import type { SimulatedProcess } from './simulated-system.js';
import { takeImage, type VirtualServer } from './virtual-server.js';
import { fail, type World } from './world.js';

const callsAtOnceMax = 5_000;

export interface ObservedParts {
  readonly killSwitch: KillSwitch;
  readonly process: SimulatedProcess;
  readonly real: Replica;
}

export function observedReplica(world: World, server: VirtualServer, parts: ObservedParts): Replica {
  const { killSwitch, process } = parts;
  const name = `s${server.index}`;
  const keepsFlushed = world.plan.steps.some((step) => step.kind === 'power-loss' && step.server === server.index);
  const inner = world.bug?.wrapReplica?.(parts.real, { world, server }) ?? parts.real;

  let callsNow = 0;
  let lastMs = -1;
  /** A dead process never answers: what waits for it waits for ever. Nor does one that is asked without end. */
  const alive = async <T>(work: Promise<T>): Promise<T> => {
    callsNow = world.time.nowMs() === lastMs ? callsNow + 1 : 0;
    lastMs = world.time.nowMs();
    if (callsNow > callsAtOnceMax) {
      fail(world, 'ENDLESS', `${name} is asked more than ${callsAtOnceMax} times within one millisecond`);
      return new Promise<T>(() => undefined);
    }
    try {
      const result = await work;
      if (killSwitch.isGone || process.isDead()) return await new Promise<T>(() => undefined);
      return result;
    } catch (error) {
      if (killSwitch.isGone || process.isDead()) return await new Promise<T>(() => undefined);
      throw error;
    }
  };

  const noteMerge = (what: string, outcome: MergeOutcome): MergeOutcome => {
    world.trace.line(
      `${name} ${what} merged=${outcome.merged} covered=${outcome.covered} rows=${outcome.rows} conflicts=${outcome.conflicts} quarantined=${outcome.quarantined} gap=${outcome.hasGap} forks=${outcome.forks.length}`,
    );
    if (world.isAtRest && outcome.merged > 0)
      fail(world, 'ECHO', `${name} merged ${outcome.merged} changesets at rest`);
    lookAround(world, server);
    return outcome;
  };

  const noteDrain = (outcome: DrainOutcome): DrainOutcome => {
    if (outcome.changesets > 0 || outcome.schemaChanged)
      world.trace.line(
        `${name} drained changesets=${outcome.changesets} rows=${outcome.rows} schema=${outcome.schemaChanged}`,
      );
    if (world.isAtRest && outcome.changesets > 0)
      fail(world, 'ECHO', `${name} captured ${outcome.changesets} changesets at rest`);
    return outcome;
  };

  return {
    ...inner,
    dataset: inner.dataset,
    open: () => alive(inner.open()),
    onHint: (listener) => inner.onHint(listener),
    drain: async () => noteDrain(await alive(inner.drain())),
    position: () => alive(inner.position()),
    readJournal: (request) => alive(inner.readJournal(request)),
    merge: async (changesetParts) =>
      noteMerge(`merge ${changesetParts.length} parts`, await alive(inner.merge(changesetParts))),
    flush: async () => {
      const vector = await alive(inner.flush());
      if (keepsFlushed) server.flushed = takeImage(world, server, 'flushed');
      return vector;
    },
    openSnapshot: async () => {
      const reader = await alive(inner.openSnapshot());
      return {
        vector: reader.vector,
        rows: reader.rows,
        next: () => alive(reader.next()),
        close: () => alive(reader.close()),
      };
    },
    receiveSnapshot: async (vector) => {
      const writer = await alive(inner.receiveSnapshot(vector));
      return {
        add: (chunk) => alive(writer.add(chunk)),
        preview: () => alive(writer.preview()),
        finish: async (choice) =>
          noteMerge('snapshot', await alive(choice === undefined ? writer.finish() : writer.finish(choice))),
        abort: () => alive(writer.abort()),
      };
    },
    proof: async () => {
      const proof = await alive(inner.proof());
      const digest = [...proof.digest]
        .filter(([, table]) => table.rows > 0)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([table, { rows, sum }]) => `${table}:${rows}:${sum}`)
        .join(' ');
      const vector = vectorText(proof.vector);
      const known = world.digestByVector.get(vector);
      if (!known) world.digestByVector.set(vector, { digest, server: server.index });
      else if (known.digest !== digest && proof.leftOut.length === 0)
        fail(
          world,
          'DIGEST',
          `equal vectors, unequal digests: s${known.server} ${known.digest} / ${name} ${digest} at ${vector}`,
        );
      return proof;
    },
    audit: (table) => alive(table === undefined ? inner.audit() : inner.audit(table)),
    bucketSums: (request) => alive(inner.bucketSums(request)),
    bucketRows: (request) => alive(inner.bucketRows(request)),
    prune: (request) => alive(inner.prune(request)),
    newEpoch: async (reason) => {
      const origin = await alive(inner.newEpoch(reason));
      world.trace.line(`${name} new epoch ${origin} (${reason})`);
      return origin;
    },
    reissueBranch: async (origin, after) => {
      const fresh = await alive(inner.reissueBranch(origin, after));
      world.trace.line(`${name} re-issued ${origin} after ${after} as ${fresh}`);
      return fresh;
    },
    tables: () => alive(inner.tables()),
    conflicts: (request) => alive(inner.conflicts(request)),
    quarantine: (request) => alive(inner.quarantine(request)),
    close: () => inner.close(),
  };
}

export const vectorText = (vector: VersionVector): string =>
  [...vector]
    .filter(([, entry]) => entry.stamp > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([origin, entry]) => `${origin}:${entry.stamp}:${entry.chain}`)
    .join(' ');

/** Whole and causal, at any moment: the log tables of every application hold pairs, and what each row had seen. */
export function lookAround(world: World, server: VirtualServer): void {
  const broken = (promise: string, sql: string): void => {
    const row = server.app.prepare(sql).get() as { id: string } | undefined;
    if (row) fail(world, promise, `s${server.index} row ${row.id}`);
  };
  broken(
    'WHOLE',
    'SELECT id FROM log_a WHERE id NOT IN (SELECT id FROM log_b) UNION SELECT id FROM log_b WHERE id NOT IN (SELECT id FROM log_a)',
  );
  broken('CAUSAL', 'SELECT id FROM log_a WHERE seen IS NOT NULL AND seen NOT IN (SELECT id FROM log_a)');
}
