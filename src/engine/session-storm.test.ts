/**
 * Goal: whatever happens to links and replicas, servers that can talk again end equal, with the proof.
 * Method: random servers, writes, cuts, slow and half-open links, failing replicas and forgotten journals from one
 * seed. A failure prints the seed; `USYNC_SEED=n` runs it alone, `USYNC_SEEDS=n` runs more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import type { MemoryLink } from '../transports/memory/memory-link.js';
import { connect, createModelServer, type ModelServer } from '../../test/model-replica/model-servers.js';
import { createVirtualSystem, type VirtualSystem } from '../../test/model-replica/virtual-system.js';

const seeds = process.env['USYNC_SEED']
  ? [Number(process.env['USYNC_SEED'])]
  : Array.from({ length: Number(process.env['USYNC_SEEDS'] ?? 24) }, (_, i) => i + 1);

for (const seed of seeds) {
  test(`servers end equal after a storm (seed ${seed})`, async () => {
    const first = await runStorm(seed);
    if (seed % 10 === 0) assert.equal(await runStorm(seed), first, 'the same seed gave another run');
  });
}

interface Storm {
  readonly system: VirtualSystem;
  readonly servers: ModelServer[];
  readonly links: Map<string, MemoryLink>;
  readonly random: (below: number) => number;
}

async function runStorm(seed: number): Promise<string> {
  const system = createVirtualSystem(seed);
  const random = (below: number): number => {
    const [a = 0, b = 0] = system.randomBytes(2);
    return (a * 256 + b) % below;
  };
  const count = 2 + random(3);
  const servers = Array.from({ length: count }, (_, at) =>
    createModelServer(system, 'abcd'.charAt(at), { isFresh: at > 0 && random(3) === 0, partBytes: 1 + random(60_000) }),
  );
  const storm: Storm = { system, servers, links: new Map(), random };
  for (let step = 0; step < 120; step++) {
    await disturb(storm, step);
    await system.run(random(400));
  }
  await heal(storm);
  const isDone = (): boolean =>
    servers.every((server) => {
      const status = server.status();
      return status.length === count - 1 && status.every((dataset) => dataset.isProven);
    });
  await system.run(120_000, isDone);
  const states = servers.map((server) => server.status().map((dataset) => dataset.state));
  assert.ok(isDone(), `seed ${seed}: ${JSON.stringify(states)}`);
  const rows = servers.map((server) =>
    JSON.stringify([...server.replica.rows].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
  for (const other of rows) assert.equal(other, rows[0], `seed ${seed}`);
  return `${system.monotonicMs()} ${rows[0]} ${servers.map((server) => server.replica.counts.calls).join()}`;
}

async function disturb(storm: Storm, step: number): Promise<void> {
  const { servers, random } = storm;
  const [one, other] = [random(servers.length), random(servers.length)];
  const server = servers[one];
  if (!server) return;
  switch (random(10)) {
    case 0:
    case 1:
    case 2:
      link(storm, one, other);
      return;
    case 3:
      storm.links.get(`${one} ${other}`)?.cut('cut by the storm');
      storm.links.delete(`${one} ${other}`);
      return;
    case 4:
      if (random(4) === 0) storm.links.get(`${one} ${other}`)?.silence(random(2) === 0 ? 0 : 1);
      return;
    case 5:
      server.replica.fail(random(2) === 0 ? new SyncError('USYNC-1201', 'The storm holds the lock.') : null);
      return;
    case 6:
      if (random(5) === 0) server.replica.forgetJournal();
      return;
    default: {
      // A fresh server that writes would found the dataset a second time; that is the engine's to prevent.
      const { isFresh } = await server.replica.position().catch(() => ({ isFresh: true }));
      if (!isFresh)
        await server.write(`k${random(30)}`, `${step} ${'x'.repeat(random(40_000))}`).catch(() => undefined);
    }
  }
}

function link({ system, servers, links, random }: Storm, one: number, other: number): void {
  const [a, b] = [servers[one], servers[other]];
  const name = `${one} ${other}`;
  if (!a || !b || one >= other || links.has(name)) return;
  const delayMs = random(80);
  const made = connect(system, [a, b], { delayMs: () => delayMs, bytesPerSecond: 50_000 + random(1000) * 10_000 });
  links.set(name, made);
  for (const session of made.sessions) {
    void session.closed.then(() => {
      if (links.get(name) === made) links.delete(name);
      return undefined;
    });
  }
}

async function heal(storm: Storm): Promise<void> {
  for (const server of storm.servers) server.replica.fail(null);
  for (const made of storm.links.values()) made.cut('healing');
  await storm.system.run(16_000);
  storm.links.clear();
  for (let one = 0; one < storm.servers.length; one++) {
    for (let other = one + 1; other < storm.servers.length; other++) link(storm, one, other);
  }
}
