/** The control socket between two ends on a real file system, with an engine that only answers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { listenLocal } from '../system/local-socket.js';
import { connectControl } from './control-client.js';
import { controlSocketName } from './control-contract.js';
import { listenControl } from './control-server.js';
import type { Engine } from './engine.js';

interface Ground {
  readonly folder: string;
  readonly socket: string;
  readonly stops: string[];
}

async function listening(
  context: TestContext,
  engine: Partial<Engine>,
  { under = '', whenStarted = Promise.resolve() }: { under?: string; whenStarted?: Promise<void> } = {},
): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'usync-control-'));
  const folder = join(root, under);
  mkdirSync(folder, { recursive: true });
  const stops: string[] = [];
  const listener = await listenControl({
    dataFolder: folder,
    engine: engine as Engine,
    whenStarted,
    onStop: (reason) => stops.push(reason),
  });
  context.after(async () => {
    await listener.close();
    rmSync(root, { recursive: true });
  });
  return { folder, socket: listener.path, stops };
}

const isCode = (code: string) => (error: unknown) => error instanceof SyncError && error.code === code;

test('a call to an engine that says nothing fails, and one that only takes long does not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'usync-control-'));
  const mute = await listenLocal({ folder, name: controlSocketName, lineBytesMax: 1_000 }, (channel) =>
    channel.listen({ onLine: () => undefined, onClose: () => undefined }),
  );
  context.after(async () => {
    await mute.close();
    rmSync(folder, { recursive: true });
  });
  await assert.rejects((await connectControl(folder, 50)).call('servers', {}), isCode('USYNC-1505'));

  let start = (): void => undefined;
  const whenStarted = new Promise<void>((resolve) => (start = resolve));
  const { folder: starting } = await listening(context, { servers: () => Promise.resolve([]) }, { whenStarted });
  const client = await connectControl(starting, 50);
  const answer = client.call('servers', {});
  await new Promise((resolve) => setTimeout(resolve, 150));
  start();
  assert.deepEqual(await answer, []);
  client.close();
});

test('calls are answered, several at a time, with results, errors and progress', async (context) => {
  const { folder, stops } = await listening(context, {
    servers: () => Promise.resolve([]),
    invite: (options) =>
      Promise.resolve({ id: 'i', code: 'c', expiresAtMs: options?.validMs ?? 0, isPreApproved: true }),
    remove: (name) => Promise.reject(new SyncError('USYNC-1407', `No server ${name}.`, { facts: { name } })),
    join: (options) => {
      options.onProgress?.({ text: 'half', done: 1, total: 2, unit: 'rows' });
      return Promise.resolve({ state: 'joined', wasMember: false, invitedBy: 'b', datasets: [] });
    },
  });
  const client = await connectControl(folder);
  const progress: string[] = [];
  const [servers, invite, joined] = await Promise.all([
    client.call('servers', {}),
    client.call('invite', { validMs: 7 }),
    client.call('join', { code: 'x' }, { onProgress: ({ text }) => progress.push(text) }),
  ]);
  assert.deepEqual([servers, invite.expiresAtMs, joined.state, progress], [[], 7, 'joined', ['half']]);
  await assert.rejects(client.call('remove', { server: 'b' }), (error) => {
    assert.ok(error instanceof SyncError);
    assert.deepEqual([error.code, error.message, error.facts], ['USYNC-1407', 'No server b.', { name: 'b' }]);
    return error.nextStep !== '';
  });
  assert.deepEqual(await client.call('stop', { reason: 'test' }), { isStopping: true });
  assert.deepEqual(stops, ['test']);
  client.close();
});

test('what is asked a moment before the engine has started is answered when it has', async (context) => {
  let hasStarted = false;
  let start = (): void => undefined;
  const whenStarted = new Promise<void>((resolve) => (start = resolve));
  const { folder } = await listening(
    context,
    {
      servers: () =>
        hasStarted ? Promise.resolve([]) : Promise.reject(new SyncError('USYNC-1506', 'The engine does not run.')),
    },
    { whenStarted },
  );
  const client = await connectControl(folder);
  const asked = client.call('servers', {});
  await new Promise((resolve) => setTimeout(resolve, 20));
  hasStarted = true;
  start();
  assert.deepEqual(await asked, []);
  client.close();
});

test('only the owner can open the socket', async (context) => {
  const { socket } = await listening(context, {});
  assert.equal(statSync(socket).mode & 0o777, 0o600);
});

test('without an engine the client says so, also where a killed one left its socket', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'usync-control-'));
  context.after(() => rmSync(root, { recursive: true }));
  await assert.rejects(connectControl(root), isCode('USYNC-1506'));
  writeFileSync(join(root, 'control.sock'), '');
  await assert.rejects(connectControl(root), isCode('USYNC-1506'));
  const listener = await listenControl({
    dataFolder: root,
    engine: {} as Engine,
    whenStarted: Promise.resolve(),
    onStop: () => undefined,
  });
  await listener.close();
});

test('a data folder deeper than a socket path may be works the same', async (context) => {
  const { folder } = await listening(context, { servers: () => Promise.resolve([]) }, { under: 'deep'.repeat(40) });
  const client = await connectControl(folder);
  assert.deepEqual(await client.call('servers', {}), []);
  client.close();
});

test('a caller that goes away cancels what it waits for', async (context) => {
  const started: AbortSignal[] = [];
  const { folder } = await listening(context, {
    waitUntilInSync: ({ signal }) =>
      new Promise((_, reject) => {
        if (signal) started.push(signal);
        signal?.addEventListener('abort', () => reject(new Error('gone')), { once: true });
      }),
  });
  const client = await connectControl(folder);
  const waiting = client.call('wait', { timeoutMs: 60_000 });
  while (started.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  client.close();
  await assert.rejects(waiting, isCode('USYNC-1506'));
  while (!started.every(({ aborted }) => aborted)) await new Promise((resolve) => setTimeout(resolve, 2));
});

test('lines that are no request are answered with an error and end nothing', async (context) => {
  const { folder, socket } = await listening(context, { servers: () => Promise.resolve([]) });
  const raw = connect(socket);
  let answers = '';
  raw.on('data', (bytes) => (answers += bytes.toString()));
  raw.write('garbage\n{"id":1,"method":"__proto__"}\n{"id":2,"method":"approve","params":{}}\nnull\n');
  while (answers.split('\n').length < 6) await new Promise((resolve) => setTimeout(resolve, 2));
  const codes = answers
    .trim()
    .split('\n')
    .slice(1) // the greeting
    .map((line) => (JSON.parse(line) as { error: { code: string } }).error.code);
  assert.deepEqual(codes, ['USYNC-1000', 'USYNC-1103', 'USYNC-1103', 'USYNC-1103']);
  raw.destroy();
  const client = await connectControl(folder);
  assert.deepEqual(await client.call('servers', {}), []);
  client.close();
});
