import type { RouteBody, RouteInput, RouteOutput } from '../../src/http/contract/route-table.js';
import { CallFailure, wasAborted, type FailureKind } from './failure.js';
import { addressOf, routes, type PageRoute, type Query } from './routes.js';

type Questions<Q> = { readonly [K in keyof Q]?: Q[K] | undefined };

export type CallInput<N extends PageRoute> = {
  readonly query?: Questions<RouteInput<N>['query']>;
  readonly signal?: AbortSignal;
} & (string extends keyof RouteInput<N>['params'] ? unknown : { readonly params: RouteInput<N>['params'] }) &
  (RouteBody<N> extends undefined ? unknown : { readonly body: RouteBody<N> });

let signedOutListener: () => void = () => {};

/** `listener` is told when the server answers that there is no session any more. */
export function whenSignedOut(listener: () => void): void {
  signedOutListener = listener;
}

/** One call to the server. Throws `CallFailure`; an aborted call throws as `fetch` does. */
export async function call<N extends PageRoute>(route: N, input: CallInput<N>): Promise<RouteOutput<N>> {
  const { params, query, body, signal } = input as {
    readonly params?: Readonly<Record<string, string>>;
    readonly query?: Query;
    readonly body?: unknown;
    readonly signal?: AbortSignal;
  };
  const [method = 'GET'] = routes[route].split(' ');
  const response = await reach(addressOf(route, params, query), {
    method,
    credentials: 'same-origin',
    cache: 'no-store',
    // A page of another origin cannot send this header, so the server knows that the call is the page's own.
    // A person has a moment: rather what stands now than what was told before.
    headers: {
      ...{ accept: 'application/json', 'content-type': 'application/json' },
      ...{ 'x-usync-request': 'page', prefer: 'wait=1' },
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as RouteOutput<N>;
  const failure = refusal(response.status, answer);
  if (failure.failure.kind === 'signed-out') signedOutListener();
  throw failure;
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (wasAborted(error)) throw error;
    throw new CallFailure({
      kind: 'offline',
      code: null,
      message: 'The server was not reached.',
      nextStep: 'Look whether "usync run" runs there, and whether this device is on its network.',
      field: null,
    });
  }
}

const kindByStatus: Readonly<Record<number, FailureKind>> = { 401: 'signed-out', 403: 'no-permission' };

function refusal(status: number, answer: unknown): CallFailure {
  return new CallFailure({
    kind: kindByStatus[status] ?? 'refused',
    code: textIn(answer, 'code'),
    message: textIn(answer, 'error') ?? `The server answered with status ${status}.`,
    nextStep: textIn(answer, 'next_step') ?? 'Try again; then look at the log of the server.',
    field: textIn(answer, 'field'),
  });
}

function textIn(answer: unknown, name: string): string | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const value: unknown = Reflect.get(answer, name);
  return typeof value === 'string' ? value : null;
}
