import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../src/cli/demo/demo-server.js';
import { createWorkplace, formGroup, waitUntil, type ServerProcess } from '../test/process/server-process.js';
import { processOf } from './bench-group.js';
import { createCountingRelay } from './counting-relay.js';

/** Two folders that some program keeps identical, and a place beside them on the same file system. */
export interface FolderPair {
  readonly source: string;
  readonly target: string;
  /** What is made ready here is moved into a folder in one step. */
  readonly beside: string;
  readonly pids: readonly number[];
  /** Called when the source is complete, for programs that look only when they are told. */
  told(): Promise<void>;
  /** Ends the programs; the folders stay until they are cleared. */
  stop(): Promise<void>;
  /** Ends the programs and removes everything. */
  clear(): Promise<void>;
}

export interface UsyncPair extends FolderPair {
  readonly servers: readonly [ServerProcess, ServerProcess];
  /** Everything that travelled between the two since the start; 0 without `isCounted`. */
  bytes(): number;
  /** Until nothing is left to do on either side. */
  settled(): Promise<void>;
}

/** Two servers of this project as processes of their own. `isCounted`: they talk through a relay that counts. */
export async function createUsyncPair({ isCounted = false } = {}): Promise<UsyncPair> {
  const workplace = createWorkplace();
  const relays = isCounted ? [await countedPort(), await countedPort()] : [];
  const servers: ServerProcess[] = [];
  for (const [at, name] of ['a', 'b'].entries()) {
    const relay = relays[at];
    const listen = { host: '127.0.0.1', port: relay?.target, advertise: [`127.0.0.1:${relay?.relay.port}`] };
    const datasets = [{ name: 'files', folder: 'files' }];
    const server = await workplace.addServer(name, datasets, relay === undefined ? {} : { listen });
    mkdirSync(join(server.folder, 'files'));
    servers.push(server);
  }
  const [a, b] = servers;
  if (!a || !b) throw new Error('two servers are needed');
  await formGroup([a, b]);
  const beside = join(workplace.root, 'beside');
  mkdirSync(beside);
  const settled = (): Promise<void> => waitUntil('both are in sync', 300_000, () => areInSync([a, b]));
  await settled();
  const stop = async (): Promise<void> => {
    for (const server of servers) await server.end('SIGTERM');
  };
  return {
    servers: [a, b],
    source: join(a.folder, 'files'),
    target: join(b.folder, 'files'),
    beside,
    pids: servers.map(processOf),
    told: () => Promise.resolve(),
    bytes: () => relays.reduce((sum, { relay }) => sum + relay.bytes, 0),
    settled,
    stop,
    async clear() {
      await stop();
      await workplace.clear();
      for (const { relay } of relays) await relay.close();
    },
  };
}

async function countedPort() {
  const target = await freePort();
  return { target, relay: await createCountingRelay(target) };
}

async function areInSync(servers: readonly ServerProcess[]): Promise<boolean> {
  for (const server of servers) if (!(await server.status()).isInSync) return false;
  return true;
}

/** Looks again and again, without holding up this process. Returns the wall ms since `startedAt`. */
export async function untilTrue(
  startedAt: number,
  timeoutMs: number,
  check: () => boolean,
  stepMs = 20,
): Promise<number> {
  while (!check()) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, stepMs));
  }
  return performance.now() - startedAt;
}
