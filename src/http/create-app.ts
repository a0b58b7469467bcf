import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { allHandlers } from './answers/all-handlers.js';
import type { ApiCall, ApiContext } from './api-context.js';
import { nameOfCaller, type Caller } from './access/caller.js';
import type { Asset, Assets } from './assets.js';
import type { Route } from './contract/route.js';
import { routes, type RouteName } from './contract/route-table.js';
import { failureResponse } from './failure-response.js';
import { answerPatienceMs, answerPatienceMsMax } from './http-limits.js';
import { isKnownHost, type HostRules } from './known-hosts.js';
import { readInput, type ReadInput } from './read-input.js';
import { callerOf, requireOwnPage, requireRight, type RequestFacts } from './request-guard.js';
import { addSecurityHeaders } from './security-headers.js';

export interface AppOptions {
  readonly context: ApiContext;
  readonly assets: Assets;
  readonly hostRules: () => HostRules;
  readonly cookieName: string;
}

type Env = { readonly Bindings: HttpBindings };
type Requested = Context<Env>;

/** The whole HTTP side as one function from request to answer. Every route comes from the table, and from nowhere else. */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    if (isKnownHost(c.req.header('host'), options.hostRules())) await next();
    else c.res = failureResponse(new SyncError('USYNC-1906', 'This server does not answer to that host name.'));
    const isPage = c.res.headers.get('content-type')?.startsWith('text/html') ?? false;
    addSecurityHeaders(c.res.headers, { isPage, isSecure: options.context.isSecure });
  });
  for (const [name, route] of routes)
    app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) => answerRoute(options, { c, name, route }));
  app.all('/api/*', (c) => answerUnknown(options, c));
  app.get('*', (c) => answerPage(options.assets, c));
  app.notFound(() => failureResponse(new SyncError('USYNC-1908', 'There is nothing here.')));
  app.onError((error) => failureResponse(error));
  return app;
}

interface Asked {
  readonly c: Requested;
  readonly name: RouteName;
  readonly route: Route;
}

const factsOf = (c: Requested): RequestFacts => ({
  headers: c.req.raw.headers,
  address: c.env.incoming.socket.remoteAddress ?? '',
  method: c.req.method,
});

async function answerRoute(options: AppOptions, asked: Asked): Promise<Response> {
  const { requestTimes, system } = options.context;
  const startMs = system.monotonicMs();
  const response = await answerOf(options, asked);
  requestTimes.note(asked.route, (system.monotonicMs() - startMs) / 1_000);
  return response;
}

async function answerOf(options: AppOptions, { c, name, route }: Asked): Promise<Response> {
  const { context, cookieName } = options;
  const facts = factsOf(c);
  const caller = callerOf(facts, context.access, cookieName);
  const notes: AnswerNotes = { subject: Object.values(c.req.param() as Record<string, string>).join(', ') };
  const isChange = route.method !== 'GET' && route.answer.kind !== 'gone';
  try {
    requireRight(caller, route, context.access);
    if (route.access !== 'public' || isChange) requireOwnPage(facts, caller);
    if (route.answer.kind === 'gone') throw new SyncError('USYNC-1909', route.answer.reason);
    // A stream that nobody reads would be held open for nothing.
    if (c.req.method === 'HEAD' && route.answer.kind === 'events')
      return new Response(null, { headers: { 'content-type': 'text/event-stream' } });
    const input = await readInput(route, c.req.raw, { params: c.req.param(), query: c.req.queries() });
    const call = callOf(options, { c, caller, input, notes });
    // What was seen before a change must not be told after it.
    const answer = await runHandler(name, { input, context, call }).finally(() => isChange && forgetLooks(context));
    if (isChange) await audit(context, { caller, name, notes, outcome: 'done', detail: '' });
    return responseOf(route, answer, notes);
  } catch (error) {
    if (isChange && !isTooEarly(error)) {
      const outcome = refusals.has(errorCodeOf(error)) ? 'refused' : 'failed';
      await audit(context, { caller, name, notes, outcome, detail: errorMessageOf(error) });
    }
    return failureResponse(error);
  }
}

function forgetLooks({ status, kept }: ApiContext): void {
  status.forget();
  kept.forget();
}

/** What a handler says besides its answer. */
interface AnswerNotes {
  subject: string;
  who?: string;
  /** A `set-cookie` header. */
  cookie?: string;
  /** In seconds. */
  age?: number;
}

/** What strangers send is not kept entry by entry: they could fill the log. Failed sign-ins are. */
const isTooEarly = (error: unknown): boolean =>
  ['USYNC-1900', 'USYNC-1901', 'USYNC-1904', 'USYNC-1905', 'USYNC-1907', 'USYNC-1911'].includes(errorCodeOf(error));

const refusals: ReadonlySet<string> = new Set(['USYNC-1902', 'USYNC-1903', 'USYNC-1912', 'USYNC-1913']);

interface Done {
  readonly caller: Caller;
  readonly name: RouteName;
  readonly notes: AnswerNotes;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly detail: string;
}

/** A log that cannot be written must not undo what was done; the next entry shows the gap. */
async function audit(
  { audit: log, system }: ApiContext,
  { caller, name, notes, outcome, detail }: Done,
): Promise<void> {
  const { address } = caller;
  const who = notes.who ?? nameOfCaller(caller);
  const subject = notes.subject.slice(0, 500);
  await log
    .add({ atMs: system.nowMs(), who, address, action: name, subject, outcome, detail: detail.slice(0, 500) })
    .catch(() => undefined);
}

interface Calling {
  readonly c: Requested;
  readonly caller: Caller;
  readonly input: ReadInput;
  readonly notes: AnswerNotes;
}

function callOf({ context, cookieName }: AppOptions, { c, caller, input, notes }: Calling): ApiCall {
  return {
    caller,
    agent: c.req.header('user-agent') ?? '',
    signal: c.req.raw.signal,
    lastEventId: c.req.header('last-event-id') ?? null,
    patienceMs: patienceIn(c.req.header('prefer')),
    file: input.file,
    tellAudit: (subject, who) => {
      notes.subject = subject;
      if (who !== undefined) notes.who = who;
    },
    tellAge: (ageMs) => {
      if (ageMs > 0) notes.age = Math.ceil(ageMs / 1_000);
    },
    setCookie: (secret) => {
      const flags = `Path=/; HttpOnly; SameSite=Strict${context.isSecure ? '; Secure' : ''}`;
      notes.cookie = secret === null ? `${cookieName}=; ${flags}; Max-Age=0` : `${cookieName}=${secret}; ${flags}`;
    },
  };
}

/** As RFC 7240 says it: `wait=SECONDS`. */
function patienceIn(prefer = ''): number {
  const [, seconds] = /(?:^|[\s,;])wait\s*=\s*"?(\d{1,6})/i.exec(prefer) ?? [];
  return seconds === undefined ? answerPatienceMs : Math.min(Number(seconds) * 1_000, answerPatienceMsMax);
}

interface Running {
  readonly input: ReadInput;
  readonly context: ApiContext;
  readonly call: ApiCall;
}

/** The table ties each name to its handler and its input, which was checked by the same description. */
async function runHandler(name: RouteName, { input, context, call }: Running): Promise<unknown> {
  const handler = (allHandlers as Partial<Record<RouteName, (...given: unknown[]) => unknown>>)[name];
  return await handler?.(input, context, call);
}

function responseOf(route: Route, answer: unknown, { cookie, age }: AnswerNotes): Response {
  if (answer instanceof Response) return answer;
  const status = route.answer.kind === 'json' ? (route.answer.status ?? 200) : 200;
  const headers = new Headers({ 'content-type': 'application/json; charset=utf-8' });
  if (cookie !== undefined) headers.set('set-cookie', cookie);
  if (age !== undefined) headers.set('age', String(age));
  return new Response(JSON.stringify(answer), { status, headers });
}

/** Whoever is not let in learns nothing of what is there. */
function answerUnknown({ context, cookieName }: AppOptions, c: Requested): Response {
  const caller = callerOf(factsOf(c), context.access, cookieName);
  if (caller.kind !== 'nobody')
    return failureResponse(new SyncError('USYNC-1908', `There is no route ${c.req.method} ${c.req.path}.`));
  const isNew = !context.access.hasUsers();
  return failureResponse(
    isNew
      ? new SyncError('USYNC-1901', 'This server has no user yet.')
      : new SyncError('USYNC-1900', 'Nobody is signed in.'),
  );
}

/** The page holds no data: what it shows comes over the API. */
function answerPage({ find, page }: Assets, c: Requested): Response {
  const { path } = c.req;
  if (path === '/') return new Response(null, { status: 302, headers: { location: '/sync/' } });
  const isPage = path === '/sync' || path.startsWith('/sync/');
  const asset = isPage ? page : find(path);
  if (asset) return assetResponse(asset, c.req.header('accept-encoding') ?? '');
  const text = isPage ? 'The page was not built; the API works without it.' : 'There is nothing here.';
  return failureResponse(new SyncError('USYNC-1908', text));
}

function assetResponse({ bytes, gzipped, type, isImmutable }: Asset, encodings: string): Response {
  const isGzipped = /\bgzip\b/.test(encodings);
  return new Response(isGzipped ? gzipped : bytes, {
    headers: {
      'content-type': type,
      'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(isGzipped && { 'content-encoding': 'gzip' }),
    },
  });
}
