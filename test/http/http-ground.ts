/** The page's server of a running engine, and callers of its API over real HTTP. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Role } from '../../src/http/contract/route.js';
import { setupFolder } from '../../src/http/access/setup-link.js';
import { startHttpServer, type HttpServer } from '../../src/http/http-server.js';
import type { Config } from '../../src/config/config.js';
import { openDiskDataFiles } from '../../src/system/disk-data-files.js';
import { createRealSystem } from '../../src/system/real-system.js';
import type { System } from '../../src/system/system.js';
import type { TestServer } from '../engine/engine-ground.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Null where the body is no JSON. */
  readonly json: Readonly<Record<string, unknown>> | null;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: FormData;
}

export type Caller = (method: string, path: string, options?: CallOptions) => Promise<Answer>;

export interface TestPage {
  readonly server: HttpServer;
  /** With these headers on each call. */
  as(headers: Readonly<Record<string, string>>): Caller;
  /** By the cookie of an admin's session, as the page calls. */
  readonly admin: Caller;
  readonly adminCookie: string;
  /** A token of this scope. */
  token(scope: Role | 'metrics'): Promise<string>;
  /** Sets the clock of the API forward. */
  forward(ms: number): void;
}

export const password = 'a password for tests';
export const pageHeaders = { 'x-usync-request': 'test', 'sec-fetch-site': 'same-origin' };

export async function openPage(
  { engine, config, closers }: TestServer,
  changes: Partial<Config> = {},
): Promise<TestPage> {
  const real = createRealSystem();
  let offsetMs = 0;
  const system: System = {
    ...real,
    nowMs: () => real.nowMs() + offsetMs,
    monotonicMs: () => real.monotonicMs() + offsetMs,
  };
  const server = await startHttpServer({
    engine,
    loaded: {
      config: { ...config, http: { enabled: true, host: '127.0.0.1', port: 0, hosts: [] }, ...changes },
      origins: new Map(),
    },
    file: null,
    version: 'test',
    system,
    files: await openDiskDataFiles(join(config.dataFolder, 'http'), system),
    setupFiles: await openDiskDataFiles(join(config.dataFolder, setupFolder), system),
    assets: { find: () => null, page: null },
    doctor: () => [],
    passwordCostBits: 10,
  });
  closers.push(() => server.close());
  const as = (headers: Readonly<Record<string, string>>): Caller => callerWith(server, headers);
  const token = server.setupLink?.split('token=')[1] ?? '';
  const made = await as(pageHeaders)('POST', '/api/sync/setup', { body: { token, name: 'ann', password } });
  assert.equal(made.status, 201, made.text);
  const adminCookie = cookieIn(made);
  const admin = as({ ...pageHeaders, cookie: adminCookie });
  return {
    ...{ server, as, admin, adminCookie },
    async token(scope) {
      const answer = await admin('POST', '/api/sync/tokens', { body: { name: `for ${scope}`, scope } });
      assert.equal(answer.status, 201, answer.text);
      return String(answer.json?.['secret']);
    },
    forward(ms) {
      offsetMs += ms;
    },
  };
}

export const cookieIn = ({ headers }: Answer): string => (headers.get('set-cookie') ?? '').split(';')[0] ?? '';

function callerWith({ url }: HttpServer, headers: Readonly<Record<string, string>>): Caller {
  return async (method, path, options = {}) => {
    const { body, form } = options;
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(form !== undefined && { body: form }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
  };
}

/** A field of an answer that is there, taken for what the table says that it is. */
export function fieldOf({ json, text }: Pick<Answer, 'json' | 'text'>, name: string): unknown {
  assert.ok(json !== null && Object.hasOwn(json, name), `no ${name}: ${text}`);
  return json[name];
}

function jsonOf(text: string): Answer['json'] {
  try {
    return JSON.parse(text) as Answer['json'];
  } catch {
    return null;
  }
}

/** Until a job has ended. */
export async function endOfJob(call: Caller, started: Answer): Promise<Readonly<Record<string, unknown>>> {
  assert.equal(started.status, 202, started.text);
  const { id } = fieldOf(started, 'job') as { readonly id: string };
  for (;;) {
    const { json } = await call('GET', `/api/sync/jobs/${id}`);
    assert.ok(json);
    if (json['state'] !== 'running') return json;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
