/**
 * How a route is described. The one table of routes (`route-table.ts`) is made of these; the server, the OpenAPI
 * description, docs/api.md and the tests read nothing else. No file of this folder imports anything of Node.js: the
 * dashboard takes its types from here.
 */
import type { z } from 'zod';

/** `operator` may do all that `viewer` may, `admin` all that `operator` may. */
export type Role = 'viewer' | 'operator' | 'admin';

/** `public`: needs no authentication. `metrics`: a token of any role, or one that is for metrics alone. */
export type Access = Role | 'public' | 'metrics';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface Route {
  readonly method: Method;
  /** Parameters in braces: `/api/sync/servers/{id}`. */
  readonly path: string;
  readonly access: Access;
  /** One sentence. */
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** The body is a multipart form with a file. */
  readonly isUpload?: boolean;
  /** What a successful answer carries; 200 unless said otherwise. */
  readonly answer: RouteAnswer;
}

export type RouteAnswer =
  | { readonly kind: 'json'; readonly schema: z.ZodType; readonly status?: 200 | 201 | 202 }
  /** Bytes as an attachment. */
  | { readonly kind: 'file' }
  | { readonly kind: 'text' }
  /** Server-sent events; `event` names are the keys, `data` is JSON. */
  | { readonly kind: 'events'; readonly events: Readonly<Record<string, z.ZodType>> }
  /** Left out on purpose: always 410 with the reason. */
  | { readonly kind: 'gone'; readonly reason: string };

/** Keeps the exact type of each route while it is checked. */
export const defineRoutes = <const T extends Readonly<Record<string, Route>>>(routes: T): T => routes;
