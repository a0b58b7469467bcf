import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../src/cli/demo/demo-server.js';
import { waitUntil } from '../test/process/server-process.js';
import type { FolderPair } from './folder-pair.js';

const apiKey = 'bench';
const folderId = 'files';

interface Instance {
  readonly home: string;
  readonly folder: string;
  readonly id: string;
  readonly port: number;
  readonly apiPort: number;
  child: ChildProcess | null;
}

/**
 * Two processes of the installed Syncthing that know only each other, over loopback: no discovery, no relays, no port
 * mapping, no upgrades, no reports. Homes of their own, removed at the end.
 */
export async function createSyncthingPair(): Promise<FolderPair> {
  const root = mkdtempSync(join(tmpdir(), 'usync-bench-'));
  const instances = [await makeInstance(join(root, 'a')), await makeInstance(join(root, 'b'))];
  const [a, b] = instances;
  if (!a || !b) throw new Error('two instances are needed');
  const stop = async (): Promise<void> => {
    for (const instance of instances) await end(instance);
  };
  const clear = async (): Promise<void> => {
    await stop();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    for (const instance of instances) start(instance, instances);
    await waitUntil(
      'the Syncthing instances are connected',
      // Whoever missed the other once tries again after a minute.
      150_000,
      async () => (await isConnected(a)) && isConnected(b),
    );
    for (const instance of instances) await ask(instance, 'POST', `/rest/db/scan?folder=${folderId}`);
    await waitUntil('Syncthing is complete', 60_000, () => isComplete(a, b));
  } catch (error) {
    await clear();
    throw error;
  }
  const beside = join(root, 'beside');
  mkdirSync(beside);
  return {
    source: a.folder,
    target: b.folder,
    beside,
    pids: instances.map(({ child }) => child?.pid ?? 0),
    // Answered when the scan is done; what it found is sent before that already.
    told: () => ask(a, 'POST', `/rest/db/scan?folder=${folderId}`).then(() => undefined),
    stop,
    clear,
  };
}

export const isInstalled = (command: string): boolean => spawnSync(command, ['--version']).status === 0;

async function makeInstance(root: string): Promise<Instance> {
  const home = join(root, 'home');
  const folder = join(root, 'files');
  for (const each of [home, folder]) mkdirSync(each, { recursive: true });
  mkdirSync(join(folder, '.stfolder'));
  run(home, 'generate', '--no-default-folder', '--home', home);
  const id = run(home, '--home', home, '--device-id').trim();
  return { home, folder, id, port: await freePort(), apiPort: await freePort(), child: null };
}

function run(home: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('syncthing', args, { encoding: 'utf8', env: environment(home) });
  if (status !== 0) throw new Error(`syncthing ${args.join(' ')} failed: ${stdout}${stderr}`);
  return stdout;
}

const environment = (home: string): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: home,
  STNOUPGRADE: '1',
  STNODEFAULTFOLDER: '1',
  // One process, not one that watches over another.
  STMONITORED: 'yes',
});

function start(instance: Instance, all: readonly Instance[]): void {
  writeFileSync(join(instance.home, 'config.xml'), configOf(instance, all));
  const args = ['serve', '--home', instance.home, '--no-browser', '--no-restart', '--no-upgrade'];
  const child = spawn('syncthing', args, { stdio: 'ignore', env: environment(instance.home) });
  // Whatever ends this process ends Syncthing too.
  process.once('exit', () => child.kill('SIGKILL'));
  instance.child = child;
}

async function end({ child }: Instance): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
}

const configOf = (own: Instance, all: readonly Instance[]): string => `<configuration version="36">
  <folder id="${folderId}" path="${own.folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">
    ${all.map(({ id }) => `<device id="${id}"></device>`).join('')}
  </folder>
  ${all
    .map(
      ({ id, port }) =>
        `<device id="${id}" name="${id.slice(0, 7)}"><address>tcp://127.0.0.1:${port}</address></device>`,
    )
    .join('')}
  <gui enabled="true" tls="false"><address>127.0.0.1:${own.apiPort}</address><apikey>${apiKey}</apikey></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:${own.port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <stunKeepaliveStartS>0</stunKeepaliveStartS>
    <urAccepted>-1</urAccepted>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <crashReportingEnabled>false</crashReportingEnabled>
    <startBrowser>false</startBrowser>
    <reconnectionIntervalS>1</reconnectionIntervalS>
  </options>
</configuration>
`;

async function ask({ apiPort }: Instance, method: 'GET' | 'POST', path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${apiPort}${path}`, { method, headers: { 'X-API-Key': apiKey } });
  const text = await response.text();
  if (!response.ok) throw new Error(`Syncthing answers ${response.status}: ${text}`);
  return text === '' ? null : JSON.parse(text);
}

async function isConnected(instance: Instance): Promise<boolean> {
  try {
    const { connections } = (await ask(instance, 'GET', '/rest/system/connections')) as {
      connections: Record<string, { connected: boolean }>;
    };
    return Object.values(connections).some(({ connected }) => connected);
  } catch {
    // It is still starting.
    return false;
  }
}

async function isComplete(instance: Instance, peer: Instance): Promise<boolean> {
  const path = `/rest/db/completion?folder=${folderId}&device=${peer.id}`;
  return ((await ask(instance, 'GET', path)) as { completion: number }).completion === 100;
}
