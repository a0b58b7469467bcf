import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { SyncError } from '../../core/sync-error.js';
import { openConnection, type Connection } from '../../databases/sqlite/connection/driver.js';
import { connectControl } from '../../engine/control-client.js';
import type { ControlClient } from '../../engine/control-contract.js';
import { uploadsName } from './uploads.js';

const mainScript = fileURLToPath(new URL('../main.js', import.meta.url));

/** One machine of the demo: the application's databases and uploads, and a real `usync run` beside it. */
export interface DemoServer {
  readonly name: string;
  readonly folder: string;
  readonly configPath: string;
  /** Where its dashboard is while it runs. */
  readonly pageUrl: string;
  /** The application's own connections: plain SQLite, no code of ours on the way. */
  readonly scouting: Connection;
  readonly accounts: Connection;
  /** The folder with what users upload. */
  readonly uploads: string;
  start(): Promise<void>;
  /** As a power cut: SIGKILL, no farewell. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  control(): ControlClient;
  readonly pid: number | undefined;
}

export async function createDemoServer(root: string, name: string): Promise<DemoServer> {
  const folder = join(root, name);
  const uploads = join(folder, uploadsName);
  mkdirSync(uploads, { recursive: true });
  const configPath = join(folder, 'usync.yaml');
  const pagePort = await freePort();
  writeFileSync(
    configPath,
    stringify({
      name,
      dataFolder: '.usync',
      listen: { host: '127.0.0.1', port: await freePort() },
      http: { port: pagePort },
      datasets: [
        { name: 'scouting', sqlite: 'scouting.db' },
        { name: 'accounts', sqlite: 'accounts.db' },
        { name: uploadsName, folder: uploadsName },
      ],
    }),
  );
  const open = (file: string): Connection => {
    const connection = openConnection(join(folder, file), { busyTimeoutMs: 10_000 });
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON');
    return connection;
  };
  return startable({
    ...{ name, folder, configPath, uploads },
    pageUrl: `http://127.0.0.1:${pagePort}/sync/`,
    scouting: open('scouting.db'),
    accounts: open('accounts.db'),
  });
}

type DemoPlace = Pick<DemoServer, 'name' | 'folder' | 'configPath' | 'pageUrl' | 'scouting' | 'accounts' | 'uploads'>;

function startable(server: DemoPlace): DemoServer {
  let child: ChildProcess | undefined;
  let client: ControlClient | undefined;

  async function end(signal: NodeJS.Signals): Promise<void> {
    client?.close();
    client = undefined;
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await ended;
  }

  return {
    ...server,
    get pid() {
      return child?.pid;
    },
    async start() {
      child = spawn(process.execPath, [mainScript, '--config', server.configPath, 'run'], {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      client = await connectWhenReady(child, join(server.folder, '.usync'), server.name);
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    control() {
      if (client) return client;
      throw new SyncError('USYNC-1506', `the server ${server.name} does not run`);
    },
  };
}

/** Waits until the engine answers; if it ends instead, its last words are the reason. */
async function connectWhenReady(child: ChildProcess, dataFolder: string, name: string): Promise<ControlClient> {
  let words = '';
  child.stderr?.on('data', (bytes: Buffer) => (words = (words + bytes.toString()).slice(-4000)));
  for (let attempt = 0; attempt < 400; attempt++) {
    if (child.exitCode !== null) break;
    const client = await connectControl(dataFolder).catch(() => null);
    if (client) return client;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new SyncError('USYNC-1506', `the server ${name} did not start: ${words.trim()}`);
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
