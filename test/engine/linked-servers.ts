/** Servers with real SQLite replicas and real sessions over memory links, without an engine around them. */
import assert from 'node:assert/strict';
import type { ServerId } from '../../src/core/origin.js';
import { isSame, type ForkServer } from '../../src/databases/sqlite/testing/fork-scene.js';
import { createDatasetTurns, type DatasetTurns } from '../../src/engine/dataset-turns.js';
import { runSession, type RunningSession } from '../../src/engine/session-runner.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { createMemoryLink } from '../../src/transports/memory/memory-link.js';

const system = createRealSystem();
const waitMs = 20_000;

export interface Linked {
  readonly server: ForkServer;
  readonly id: ServerId;
  readonly name: string;
  readonly turns: DatasetTurns;
  readonly sessions: Set<RunningSession>;
}

export const linked = (server: ForkServer, letter: string): Linked => ({
  server,
  id: letter.repeat(16) as ServerId,
  name: letter,
  turns: createDatasetTurns(),
  sessions: new Set(),
});

export function connect(a: Linked, b: Linked): void {
  const link = createMemoryLink({ system });
  for (const [i, one] of [a, b].entries()) {
    const channel = link.channels[i];
    if (!channel) continue;
    const session = runSession({
      channel,
      replicas: new Map([['shop', one.server.replica]]),
      system,
      observe: () => undefined,
      identity: { server: one.id, name: one.name, bootNonce: one.name.charCodeAt(0).toString(16).repeat(16) },
      turns: one.turns,
      hooks: {
        decide: () => ({ kind: 'accepted' }),
        onMoved: (dataset) => {
          for (const other of one.sessions) other.changed(dataset);
        },
      },
    });
    one.sessions.add(session);
    void session.closed.then(() => one.sessions.delete(session));
  }
}

export async function write(one: Linked, sql: string): Promise<void> {
  await one.server.write(sql);
  for (const session of one.sessions) session.changed('shop');
}

export async function untilSame(all: readonly Linked[]): Promise<void> {
  const startMs = system.monotonicMs();
  for (;;) {
    const [first] = all;
    const same = first ? await Promise.all(all.map((one) => isSame(first.server, one.server))) : [];
    if (same.every(Boolean)) return;
    if (system.monotonicMs() - startMs > waitMs) {
      const states = all.map((one) => [...one.sessions].flatMap((session) => session.status().datasets));
      throw new Error(`the servers do not come to the same: ${JSON.stringify(states)}`);
    }
    await new Promise<void>((resolve) => system.after(20, resolve));
  }
}

export async function assertSame(all: readonly Linked[], names: readonly string[]): Promise<void> {
  const dumps = await Promise.all(all.map(({ server }) => server.dump()));
  const digests = await Promise.all(all.map(async ({ server }) => (await server.replica.proof()).digest));
  for (const dump of dumps) assert.equal(dump, dumps[0]);
  for (const digest of digests) assert.deepEqual(digest, digests[0]);
  for (const name of names) assert.match(dumps[0] ?? '', new RegExp(`'${name}'`), `${name} is lost`);
}

/** As when the network goes: resolves when neither side has a session any more. */
export async function disconnect(all: readonly Linked[]): Promise<void> {
  for (const { sessions } of all)
    for (const session of sessions) {
      session.close('', 'the link is cut');
      await session.closed;
    }
}
