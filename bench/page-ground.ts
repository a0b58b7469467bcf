/** Two servers with pages on loopback, for measuring the page of the second, and a token for its API. */
import { Agent, request } from 'node:http';
import { freePort } from '../src/cli/demo/demo-server.js';
import type { Connection } from '../src/databases/sqlite/connection/driver.js';
import { createWorkplace, formGroup, waitUntil, type ServerProcess } from '../test/process/server-process.js';
import { openPlain } from './bench-group.js';
import { readingsSchema } from './readings-table.js';

export interface PageGround {
  readonly server: ServerProcess;
  readonly origin: string;
  readonly token: string;
  readonly user: { readonly name: string; readonly password: string };
  /** Of the application at the other server, and at this one. */
  readonly there: Connection;
  readonly here: Connection;
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
  clear(): Promise<void>;
}

export async function createPageGround(): Promise<PageGround> {
  const workplace = createWorkplace();
  const port = await freePort();
  const other = await workplace.addServer('a', undefined, { http: { enabled: false } });
  const server = await workplace.addServer('b', undefined, { http: { port } });
  const there = openPlain(other.database, readingsSchema);
  const here = openPlain(server.database, readingsSchema);
  await formGroup([other, server]);
  const origin = `http://127.0.0.1:${port}`;
  const link = /#token=(\S+)/;
  await waitUntil('the link is printed', 30_000, () => Promise.resolve(link.test(server.log())));
  const user = { name: 'ann', password: 'a password for benches' };
  const setup = await send(`${origin}/api/sync/setup`, {
    ...{ method: 'POST', body: { token: link.exec(server.log())?.[1] ?? '', ...user } },
    headers: { 'x-usync-request': '1' },
  });
  const made = await send(`${origin}/api/sync/tokens`, {
    ...{ method: 'POST', body: { name: 'bench', scope: 'admin' } },
    headers: { 'x-usync-request': '1', cookie: String(setup.cookie).split(';')[0] ?? '' },
  });
  const { secret: token } = JSON.parse(made.text) as { readonly secret: string };
  return {
    ...{ server, origin, token, user, there, here },
    async ask(method, path, body) {
      // Connections that stood idle may be closed on the other side by now.
      agent.destroy();
      const { text } = await send(`${origin}${path}`, { method, body, headers: { authorization: `Bearer ${token}` } });
      return JSON.parse(text) as unknown;
    },
    async clear() {
      there.close();
      here.close();
      await workplace.clear();
    },
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export interface Sent {
  readonly status: number;
  readonly text: string;
  readonly cookie: string | undefined;
  /** Wall ms from the call to the last byte. */
  readonly tookMs: number;
}

interface Sending {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function send(url: string, { method = 'GET', body, headers = {} }: Sending): Promise<Sent> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { agent, method, headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) } },
      (answer) => {
        let text = '';
        answer.on('data', (bytes: Buffer) => (text += bytes.toString()));
        answer.on('end', () =>
          resolve({
            ...{ status: answer.statusCode ?? 0, text, cookie: answer.headers['set-cookie']?.[0] },
            tookMs: performance.now() - startMs,
          }),
        );
      },
    );
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
