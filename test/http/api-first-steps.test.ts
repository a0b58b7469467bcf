// Goal: the first steps in docs/api.md can be typed as they stand. Method: run them by curl against a real server, with
// only what the page leaves open filled in: the one-time token, the secret of the made token, the id of the job.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setupFolder } from '../../src/http/access/setup-link.js';
import { startHttpServer } from '../../src/http/http-server.js';
import { openDiskDataFiles } from '../../src/system/disk-data-files.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { groundOf } from '../engine/engine-ground.js';

const page = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
const block = /```sh\n(usync setup-link[\s\S]*?)```/.exec(page)?.[1] ?? '';
/** One command each; a comment at the end of a line stays, as in a shell. */
const steps = block
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.startsWith('curl'));

/** Not while this process waits: the server that answers is in it. */
function run(script: string, folder: string): Promise<Record<string, unknown>> {
  const shell = spawn('sh', ['-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  shell.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  return new Promise((resolve) => shell.once('close', () => resolve(JSON.parse(said) as Record<string, unknown>)));
}

const hasCurl = spawnSync('curl', ['--version']).status === 0;

test(
  'the first steps of docs/api.md set up a user, make a token, and run a job',
  { skip: !hasCurl && 'needs curl' },
  async (context) => {
    const { engine, config, closers } = await groundOf(context).add('a');
    const folder = mkdtempSync(join(tmpdir(), 'usync-curl-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const system = createRealSystem();
    const server = await startHttpServer({
      ...{ engine, file: null, version: 'test', system, assets: { find: () => null, page: null }, doctor: () => [] },
      loaded: {
        config: { ...config, http: { enabled: true, host: '127.0.0.1', port: 0, hosts: [] } },
        origins: new Map(),
      },
      files: await openDiskDataFiles(join(config.dataFolder, 'http'), system),
      setupFiles: await openDiskDataFiles(join(config.dataFolder, setupFolder), system),
      passwordCostBits: 10,
    });
    closers.push(() => server.close());

    const filled = { TOKEN: server.setupLink?.split('token=')[1] ?? '', 'usync_...': '', 'jobs/ID': '' };
    const settings = block.split('\n').filter((line) => /^(json|token)=/.test(line));
    const step = async (number: number): Promise<Record<string, unknown>> => {
      const lines = [`at=${server.url}/api/sync`, ...settings, steps[number] ?? 'false'].join('\n');
      return run(
        Object.entries(filled).reduce((text, [open, value]) => text.replaceAll(open, value), lines),
        folder,
      );
    };
    assert.equal(steps.length, 5);
    const signedIn = (await step(0)) as { user: { name: string } };
    assert.equal(signedIn.user.name, 'ann', JSON.stringify(signedIn));
    filled['usync_...'] = String((await step(1))['secret']);
    assert.match(filled['usync_...'], /^usync_/);
    assert.ok('overall_health' in (await step(2)));
    const { job } = (await step(3)) as { job: { id: string } };
    filled['jobs/ID'] = `jobs/${job.id}`;
    let looked: Record<string, unknown>;
    do looked = await step(4);
    while (looked['state'] === 'running');
    assert.equal(looked['state'], 'done');
  },
);

test('who forgets the header is told to send it', async (context) => {
  const { openPage } = await import('./http-ground.js');
  const opened = await openPage(await groundOf(context).add('a'));
  const body = { token: 'x', name: 'eve', password: 'a long password' };
  const { json } = await opened.as({})('POST', '/api/sync/setup', { body });
  assert.equal(json?.['code'], 'USYNC-1905');
  assert.match(String(json['next_step']), /curl -H 'X-Usync-Request: 1'/);
});
