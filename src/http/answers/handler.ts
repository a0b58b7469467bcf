import type { ApiCall, ApiContext } from '../api-context.js';
import type { RouteInput, RouteName, RouteOutput, routeTable } from '../contract/route-table.js';

type Answer<N extends RouteName> = (typeof routeTable)[N]['answer']['kind'] extends 'json' ? RouteOutput<N> : Response;

/** Answers one route. Failures are `SyncError`s. */
export type Handler<N extends RouteName> = (
  input: RouteInput<N>,
  context: ApiContext,
  call: ApiCall,
) => Promise<Answer<N>> | Answer<N>;

/** A gap does not compile: every route that is not left out has a handler. */
export type Handlers<K extends RouteName> = { readonly [N in K]: Handler<N> };

/** The part of a list that was asked for. */
export function pageOf<T>(
  all: readonly T[],
  { page, per_page }: { readonly page: number; readonly per_page: number },
): { readonly items: T[]; readonly pagination: { page: number; per_page: number; total: number; pages: number } } {
  return {
    items: all.slice((page - 1) * per_page, page * per_page),
    pagination: { page, per_page, total: all.length, pages: Math.ceil(all.length / per_page) },
  };
}
