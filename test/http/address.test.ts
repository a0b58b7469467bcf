/**
 * Goal: the page is on loopback alone until a user and a certificate are there, and then where the configuration says, by
 * HTTPS. Method: real servers. Who listens on 127.0.0.1 alone does not answer at 127.0.0.2; who listens everywhere does.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as plainRequest, type IncomingHttpHeaders } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { freePort } from '../../src/cli/demo/demo-server.js';
import type { Config } from '../../src/config/config.js';
import { setupFolder } from '../../src/http/access/setup-link.js';
import { startHttpServer, type HttpServer, type HttpServerOptions } from '../../src/http/http-server.js';
import { openDiskDataFiles } from '../../src/system/disk-data-files.js';
import { createRealSystem } from '../../src/system/real-system.js';
import { groundOf, until, type TestServer } from '../engine/engine-ground.js';
import { pageHeaders, password } from './http-ground.js';
import { makeCertificate, skipWithoutOpenssl, type TestCertificate } from './test-certificate.js';

interface Given {
  readonly http: Partial<Config['http']>;
  readonly onListening?: HttpServerOptions['onListening'];
}

async function serve({ engine, config, closers }: TestServer, { http, onListening }: Given): Promise<HttpServer> {
  const system = createRealSystem();
  const server = await startHttpServer({
    engine,
    loaded: {
      config: { ...config, http: { enabled: true, host: '0.0.0.0', port: await freePort(), hosts: [], ...http } },
      origins: new Map(),
    },
    ...{ file: null, version: 'test', system, assets: { find: () => null, page: null }, doctor: () => [] },
    files: await openDiskDataFiles(join(config.dataFolder, 'http'), system),
    setupFiles: await openDiskDataFiles(join(config.dataFolder, setupFolder), system),
    passwordCostBits: 10,
    ...(onListening && { onListening }),
  });
  closers.push(() => server.close());
  return server;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly certificate?: TestCertificate;
}

interface Told {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(url: string, { method = 'GET', headers = {}, body, certificate }: Asked = {}): Promise<Told> {
  const send = url.startsWith('https:') ? secureRequest : plainRequest;
  const sent = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = send(
      url,
      {
        method,
        agent: false,
        headers: { ...headers, 'content-type': 'application/json' },
        ca: certificate?.cert,
        // The name of the host header is not that of the certificate; who vouches for it is checked all the same.
        checkServerIdentity: () => undefined,
      },
      (answer) => {
        let text = '';
        answer.on('data', (bytes: Buffer) => (text += bytes.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      },
    );
    asked.on('error', reject);
    asked.end(sent);
  });
}

const elsewhere = (url: string): string => url.replace('127.0.0.1', '127.0.0.2');

async function setUp(server: HttpServer, certificate?: TestCertificate): Promise<Told> {
  const token = server.setupLink?.split('token=')[1] ?? '';
  const answer = await ask(`${server.url}/api/sync/setup`, {
    ...{ method: 'POST', headers: pageHeaders, body: { token, name: 'ann', password } },
    ...(certificate && { certificate }),
  });
  assert.equal(answer.status, 201, answer.text);
  return answer;
}

function certificateIn(context: TestContext): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'usync-tls-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return makeCertificate(folder, ['127.0.0.1', '127.0.0.2']);
}

test('without a certificate the page stays on loopback, also with a user, and says what is missing', async (context) => {
  const server = await serve(await groundOf(context).add('a'), { http: {} });
  assert.match(server.restriction ?? '', /0\.0\.0\.0 needs "http\.certificate" and "http\.key"/);
  await setUp(server);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.equal((await ask(`${server.url}/livez`)).status, 200);
  await assert.rejects(ask(`${elsewhere(server.url)}/livez`), /ECONNREFUSED/);
});

test(
  'with a certificate it widens when the first user is set up: the same port, HTTPS, and a cookie for HTTPS alone',
  { skip: skipWithoutOpenssl },
  async (context) => {
    const certificate = certificateIn(context);
    const a = await groundOf(context).add('a');
    const told: string[] = [];
    const http = { certificate: certificate.certificatePath, key: certificate.keyPath };
    const server = await serve(a, { http, onListening: ({ url }) => told.push(url) });
    const before = server.url;
    assert.match(before, /^https:/);
    assert.match(server.restriction ?? '', /until the first user is set up, then on 0\.0\.0\.0/);
    await assert.rejects(ask(`${elsewhere(before)}/livez`, { certificate }), /ECONNREFUSED/);
    const { headers } = await setUp(server, certificate);
    const [cookie = ''] = headers['set-cookie'] ?? [];
    assert.match(cookie, /^__Host-usync-\w+=\S+; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    assert.match(headers['strict-transport-security'] ?? '', /max-age/);
    await until('it is told where it is', () => Promise.resolve(told.length > 0));
    assert.deepEqual([told, server.url, server.restriction], [[before], before, null]);
    assert.equal((await ask(`${elsewhere(before)}/livez`, { certificate })).status, 200);
    // By its own addresses too, but not under a foreign name; and never without TLS.
    const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])[0]?.address ?? '127.0.0.1';
    assert.equal((await ask(`${before}/livez`, { certificate, headers: { host: `${own}:1` } })).status, 200);
    assert.equal((await ask(`${before}/livez`, { certificate, headers: { host: 'evil.example' } })).status, 421);
    await assert.rejects(ask(`${before.replace('https', 'http')}/livez`), /ECONNRESET|hang up|Parse/);
    assert.equal(readFileSync(join(a.config.dataFolder, setupFolder, 'url.txt'), 'utf8'), before);
    await server.close();
    const again = await serve(a, { http: { ...http, port: Number(new URL(before).port) } });
    assert.deepEqual([again.restriction, again.setupLink], [null, null]);
    assert.equal((await ask(`${elsewhere(again.url)}/livez`, { certificate })).status, 200);
  },
);

test(
  'where the wider address is taken it stays on loopback, and says why',
  { skip: skipWithoutOpenssl },
  async (context) => {
    const certificate = certificateIn(context);
    const http = { certificate: certificate.certificatePath, key: certificate.keyPath };
    const told: (string | null)[] = [];
    const server = await serve(await groundOf(context).add('a'), {
      http,
      onListening: ({ restriction }) => told.push(restriction),
    });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(Number(new URL(server.url).port), '127.0.0.3', resolve));
    context.after(() => other.close());
    await setUp(server, certificate);
    await until('it is told', () => Promise.resolve(told.length > 0));
    assert.match(told[0] ?? '', /stays on 127\.0\.0\.1\. The page cannot listen on 0\.0\.0\.0:\d+/);
    assert.equal((await ask(`${server.url}/livez`, { certificate })).status, 200);
  },
);

test(
  'a certificate that is not there or does not fit its key is refused with its reason',
  { skip: skipWithoutOpenssl },
  async (context) => {
    const [one, two] = [certificateIn(context), certificateIn(context)];
    const a = await groundOf(context).add('a');
    const refused = async (certificate: string, key: string): Promise<string> => {
      try {
        await serve(a, { http: { certificate, key } });
      } catch (error) {
        assert.equal((error as { readonly code?: string }).code, 'USYNC-1910');
        return String(error);
      }
      return 'it was served';
    };
    assert.match(await refused(`${one.certificatePath}-none`, one.keyPath), /ENOENT/);
    assert.match(await refused(one.certificatePath, two.keyPath), /key values mismatch/);
    writeFileSync(two.certificatePath, 'no certificate');
    assert.match(await refused(two.certificatePath, two.keyPath), /cannot be used/);
  },
);
