/** Who answers on the socket of an engine: with a path too long for one, it stands in a folder that is shared by name. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SyncError } from '../core/sync-error.js';
import { connectLocal, listenLocal, type LocalSocketOptions } from './local-socket.js';

const skip = process.platform === 'win32';

/** A data folder whose own socket would have too long a path, and a folder for temporary files of its own. */
function longPlace(context: TestContext): LocalSocketOptions {
  const root = mkdtempSync(join(tmpdir(), 'usync-socket-'));
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = root;
  context.after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(root, { recursive: true });
  });
  const folder = join(root, 'data-'.repeat(30));
  mkdirSync(folder);
  return { folder, name: 'control.sock', lineBytesMax: 1024 };
}

const isRefused = (error: unknown): boolean =>
  error instanceof SyncError && error.code === 'USYNC-1102' && /not a private folder of this user/.test(error.message);

test('the engine is reached where its own path is too long for a socket', { skip }, async (context) => {
  const options = longPlace(context);
  const listening = await listenLocal(options, (channel) => channel.send('here'));
  const channel = await connectLocal(options);
  const line = await new Promise((resolve) => channel.listen({ onLine: resolve, onClose: resolve }));
  assert.equal(line, 'here');
  channel.close();
  await listening.close();
});

for (const how of ['others can write', 'is a link to another'])
  test(`nobody is spoken to in a folder that ${how}`, { skip }, async (context) => {
    const options = longPlace(context);
    const listening = await listenLocal(options, () => undefined);
    await listening.close();
    const folder = dirname(listening.path);
    if (how === 'others can write') chmodSync(folder, 0o777);
    else {
      rmSync(folder, { recursive: true });
      mkdirSync(`${folder}-other`, { mode: 0o700 });
      symlinkSync(`${folder}-other`, folder);
    }
    let visits = 0;
    const impostor = createServer(() => visits++);
    await new Promise<void>((resolve) => impostor.listen(listening.path, resolve));
    context.after(() => impostor.close());
    await assert.rejects(connectLocal(options), isRefused);
    await assert.rejects(
      listenLocal(options, () => undefined),
      isRefused,
    );
    assert.equal(visits, 0);
  });

test('without that folder no engine runs', { skip }, async (context) => {
  const isAbsent = (error: unknown): boolean => error instanceof SyncError && error.code === 'USYNC-1506';
  await assert.rejects(connectLocal(longPlace(context)), isAbsent);
});
