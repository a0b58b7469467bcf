import { accessRoutes } from './access-routes.js';
import { activityRoutes } from './activity-routes.js';
import { dataRoutes } from './data-routes.js';
import { decisionRoutes } from './decision-routes.js';
import { fileRoutes } from './file-routes.js';
import { goneRoutes } from './gone-routes.js';
import { jobRoutes } from './job-routes.js';
import { receiveRoutes } from './receive-routes.js';
import type { z } from 'zod';
import type { Route } from './route.js';
import { serverRoutes } from './server-routes.js';
import { settingsRoutes } from './settings-routes.js';
import { statusRoutes } from './status-routes.js';

/** Every route of the HTTP API. What is not here does not exist. */
export const routeTable = {
  ...statusRoutes,
  ...serverRoutes,
  ...activityRoutes,
  ...dataRoutes,
  ...decisionRoutes,
  ...fileRoutes,
  ...jobRoutes,
  ...settingsRoutes,
  ...accessRoutes,
  ...receiveRoutes,
  ...goneRoutes,
} as const;

export type RouteName = keyof typeof routeTable;

/** For programs that walk the table. */
export const routes: readonly (readonly [RouteName, Route])[] = Object.entries(routeTable) as [RouteName, Route][];

type Part<N extends RouteName, K extends 'params' | 'query' | 'body'> = (typeof routeTable)[N] extends {
  readonly [key in K]: infer S extends z.ZodType;
}
  ? S
  : never;

/** What a handler gets: parsed and complete. */
export interface RouteInput<N extends RouteName> {
  readonly params: [Part<N, 'params'>] extends [never] ? Record<string, never> : z.output<Part<N, 'params'>>;
  readonly query: [Part<N, 'query'>] extends [never] ? Record<string, never> : z.output<Part<N, 'query'>>;
  readonly body: [Part<N, 'body'>] extends [never] ? Record<string, never> : z.output<Part<N, 'body'>>;
}

/** What a caller may send as a body. */
export type RouteBody<N extends RouteName> = [Part<N, 'body'>] extends [never] ? undefined : z.input<Part<N, 'body'>>;

/** What a successful answer carries. */
export type RouteOutput<N extends RouteName> = (typeof routeTable)[N]['answer'] extends {
  readonly kind: 'json';
  readonly schema: infer S extends z.ZodType;
}
  ? z.output<S>
  : never;
