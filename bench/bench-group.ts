import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { openConnection, type Connection } from '../src/databases/sqlite/connection/driver.js';
import { createWorkplace, formGroup, type ServerProcess, type Workplace } from '../test/process/server-process.js';
import { readingsSchema } from './readings-table.js';

export interface BenchGroup {
  readonly workplace: Workplace;
  readonly servers: readonly ServerProcess[];
  readonly connections: readonly Connection[];
  /** The process id of a server's engine. */
  clear(): Promise<void>;
}

/** Real servers as processes on loopback, their databases on one file system, and plain connections to them. */
export async function createBenchGroup(options: {
  names: readonly string[];
  schema?: string;
  landing?: 'whole' | 'bounded';
}): Promise<BenchGroup> {
  const workplace = createWorkplace();
  const servers: ServerProcess[] = [];
  const connections: Connection[] = [];
  for (const name of options.names) {
    const server = await workplace.addServer(name);
    const config = parse(readFileSync(server.configPath, 'utf8')) as { datasets: Record<string, unknown>[] };
    for (const dataset of config.datasets) dataset['landing'] = options.landing ?? 'bounded';
    writeFileSync(server.configPath, stringify(config));
    connections.push(openPlain(server.database, options.schema ?? readingsSchema));
    servers.push(server);
  }
  return {
    workplace,
    servers,
    connections,
    async clear() {
      for (const connection of connections) connection.close();
      await workplace.clear();
    },
  };
}

export async function createRunningGroup(options: Parameters<typeof createBenchGroup>[0]): Promise<BenchGroup> {
  const group = await createBenchGroup(options);
  await formGroup(group.servers);
  return group;
}

/** As an application opens it: WAL, synchronous=NORMAL, waits for locks. */
export function openPlain(path: string, schema: string): Connection {
  const connection = openConnection(path, { busyTimeoutMs: 20_000 });
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  if (schema !== '') connection.exec(schema);
  return connection;
}

/** Sleeps without giving up the thread: fractions of a millisecond, for polling. */
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const pause = (ms: number): void => void Atomics.wait(sleeper, 0, 0, ms);

/** Polls with a plain read until it answers true; returns the wall ms since `startedAt`. */
export function pollUntil(startedAt: number, timeoutMs: number, check: () => boolean, stepMs = 0.3): number {
  while (!check()) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`not within ${timeoutMs} ms`);
    pause(stepMs);
  }
  return performance.now() - startedAt;
}

/** The process that works for a server, found by its configuration path. */
export function processOf(server: ServerProcess): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = readOrEmpty(`/proc/${entry}/cmdline`);
    if (line.includes(server.configPath) && line.endsWith('run\0')) return Number(entry);
  }
  throw new Error(`no process runs ${server.name}`);
}

/** CPU time of a process, in ms, from the kernel's accounting (10 ms steps). */
export function cpuMsOf(pid: number): number {
  const fields = readOrEmpty(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The largest resident memory so far, in MB. */
export const peakMegabytesOf = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
