import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { freePort } from '../../src/cli/demo/demo-server.js';
import type { EngineStatus } from '../../src/engine/engine-status.js';
import { connectControl } from '../../src/engine/control-client.js';
import type { ControlMethods } from '../../src/engine/control-contract.js';
import type { VerifyReport } from '../../src/engine/engine.js';

export const mainScript = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One real server: a folder, a configuration, an application database, and `usync run` as a process of its own. */
export interface ServerProcess {
  readonly name: string;
  readonly folder: string;
  readonly database: string;
  readonly configPath: string;
  readonly dataFolder: string;
  /** Starts `usync run`; resolves when it answers. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and waits until it has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Runs one command of the command line beside it. */
  usync(...args: readonly string[]): CommandResult;
  /** Asks the running engine, as the commands do but without a process for each question. */
  status(): Promise<EngineStatus>;
  verify(): Promise<VerifyReport>;
  isRunning(): boolean;
  log(): string;
}

export interface Workplace {
  readonly root: string;
  /** With one database, or with these datasets; `settings` are written into the configuration besides. */
  addServer(
    name: string,
    datasets?: readonly ProcessDataset[],
    settings?: Readonly<Record<string, unknown>>,
  ): Promise<ServerProcess>;
  /** The folder of a stopped server copied as a whole, as a machine is cloned; only the port is another one. */
  cloneServer(original: ServerProcess, name: string): Promise<ServerProcess>;
  /** Ends all servers and removes the folder. */
  clear(): Promise<void>;
}

export function createWorkplace(): Workplace {
  const root = mkdtempSync(join(tmpdir(), 'usync-test-'));
  const servers: ServerProcess[] = [];
  return {
    root,
    async addServer(name, datasets, settings) {
      const server = await createServerProcess(join(root, name), { name, datasets, settings });
      servers.push(server);
      return server;
    },
    async cloneServer(original, name) {
      const folder = join(root, name);
      cpSync(original.folder, folder, { recursive: true, preserveTimestamps: true });
      const server = await createServerProcess(folder, { name: original.name });
      servers.push(server);
      return { ...server, name };
    },
    async clear() {
      for (const server of servers) await server.end('SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

interface ProcessDataset {
  readonly name: string;
  readonly sqlite?: string;
  readonly folder?: string;
  readonly tables?: unknown;
  readonly schemaChanges?: unknown;
}

interface ServerOptions {
  readonly name: string;
  readonly datasets?: readonly ProcessDataset[] | undefined;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

async function createServerProcess(
  folder: string,
  { name, datasets = [{ name: 'music', sqlite: 'music.db' }], settings = {} }: ServerOptions,
): Promise<ServerProcess> {
  mkdirSync(folder, { recursive: true });
  const configPath = join(folder, 'usync.yaml');
  const listen = { host: '127.0.0.1', port: await freePort() };
  writeFileSync(configPath, stringify({ name, dataFolder: 'data', listen, datasets, ...settings }));
  let child: ChildProcess | undefined;
  let output = '';

  async function ask<M extends 'servers' | 'status' | 'verify'>(method: M): Promise<ControlMethods[M]['result']> {
    const client = await connectControl(join(folder, 'data'));
    try {
      return await client.call(method, {});
    } finally {
      client.close();
    }
  }

  const server: ServerProcess = {
    name,
    folder,
    configPath,
    database: join(folder, 'music.db'),
    dataFolder: join(folder, 'data'),
    async start() {
      child = spawn(process.execPath, [mainScript, '--config', configPath, 'run'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (bytes: Buffer) => (output += bytes.toString()));
      await waitUntil(`${name} answers`, 30_000, () => {
        if (child?.exitCode !== null) throw new Error(`${name} ended with ${child?.exitCode ?? ''}: ${output}`);
        return ask('servers').then(
          () => true,
          () => false,
        );
      });
    },
    signal: (signal) => void child?.kill(signal),
    async end(signal) {
      const running = child;
      child = undefined;
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill(signal);
      await ended;
    },
    usync(...args) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [mainScript, '--config', configPath, ...args], {
        encoding: 'utf8',
        timeout: 600_000,
      });
      return { status, stdout, stderr };
    },
    status: () => ask('status'),
    verify: () => ask('verify'),
    isRunning: () => child !== undefined && child.exitCode === null,
    log: () => output,
  };
  return server;
}

/** The first server founds the group, the others join it with a code each. All are started here. */
export async function formGroup(servers: readonly ServerProcess[]): Promise<void> {
  const [founder, ...others] = servers;
  if (!founder) return;
  await founder.start();
  for (const server of others) {
    await server.start();
    await joinGroup(founder, server);
  }
}

export function joinGroup(inviter: ServerProcess, server: ServerProcess, ...options: readonly string[]): Promise<void> {
  const { stdout } = succeeded(inviter.usync('--json', 'invite'));
  const { code } = JSON.parse(stdout) as { code: string };
  succeeded(server.usync('join', code, ...options));
  return Promise.resolve();
}

export function succeeded(result: CommandResult): CommandResult {
  if (result.status !== 0) throw new Error(`exit code ${result.status ?? 'none'}: ${result.stdout}${result.stderr}`);
  return result;
}

/** Until each server holds the proof that it equals each other one. */
export async function untilProven(servers: readonly ServerProcess[], timeoutMs = 60_000): Promise<void> {
  const names = new Set(servers.map(({ name }) => name));
  let last = '';
  const isProven = async (server: ServerProcess): Promise<boolean> => {
    const { comparisons } = await server.verify();
    last = JSON.stringify(comparisons);
    const between = comparisons.filter(({ peer }) => names.has(peer));
    return between.length >= servers.length - 1 && between.every(({ result }) => result === 'equal');
  };
  await waitUntil(
    `${[...names].join(', ')} are proven equal`,
    timeoutMs,
    async () => (await Promise.all(servers.map(isProven))).every(Boolean),
    () => `${last}\n${servers.map((server) => `${server.name}:\n${server.log().slice(-3000)}`).join('\n')}`,
  );
}

export async function waitUntil(
  what: string,
  timeoutMs: number,
  check: () => Promise<boolean>,
  tell: () => string = () => '',
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}\n${tell()}`);
}
