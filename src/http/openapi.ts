import { z } from 'zod';
import type { Route } from './contract/route.js';
import { routes } from './contract/route-table.js';
import { activityEntry, change } from './contract/activity-schemas.js';
import { session, token, user } from './contract/access-routes.js';
import { conflict, heldRow } from './contract/decision-routes.js';
import { fileEntry, keptFile, pathEvent } from './contract/file-routes.js';
import { job } from './contract/job-schemas.js';
import { receivedItem } from './contract/receive-routes.js';
import { pending, server, serverDataset } from './contract/server-schemas.js';
import { failure, itemResult, problem } from './contract/shared-schemas.js';
import { dataset, status } from './contract/status-schemas.js';

interface OpenApiDocument {
  openapi: string;
  [key: string]: unknown;
}

/** The description of the API, made of the one table of routes. */
export function openApiDocument(version: string): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Universal Sync',
      version,
      description: 'See and steer one Universal Sync server. Times are UTC, ISO 8601.',
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        namedSchemas.map(([name, schema]) => [name, withRefs(plainSchema(schema, 'output'), name)]),
      ),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
        session: { type: 'apiKey', in: 'cookie', name: 'usync', description: 'The session of the page.' },
      },
    },
  };
}

type JsonObject = Record<string, unknown>;

/** What several routes carry stands once. */
const namedSchemas: readonly (readonly [string, z.ZodType])[] = [
  ['Failure', failure],
  ['Status', status],
  ['Server', server],
  ['ServerDataset', serverDataset],
  ['Pending', pending],
  ['Dataset', dataset],
  ['Problem', problem],
  ['Job', job],
  ['ActivityEntry', activityEntry],
  ['Change', change],
  ['Conflict', conflict],
  ['HeldRow', heldRow],
  ['FileEntry', fileEntry],
  ['KeptFile', keptFile],
  ['PathEvent', pathEvent],
  ['User', user],
  ['Session', session],
  ['Token', token],
  ['ItemResult', itemResult],
  ['ReceivedItem', receivedItem],
];

function plainSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonObject;
  return rest;
}

const nameByText = new Map(
  namedSchemas.map(([name, schema]) => [JSON.stringify(plainSchema(schema, 'output')), name] as const),
);

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonObject => withRefs(plainSchema(schema, io));

/** `own`: the name of the schema that is being described itself. */
function withRefs(schema: JsonObject, own?: string): JsonObject {
  const found = nameByText.get(JSON.stringify(schema));
  if (found !== undefined && found !== own) return { $ref: `#/components/schemas/${found}` };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refsIn(value)]));
}

function refsIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(refsIn);
  return typeof value === 'object' && value !== null ? withRefs(value as JsonObject) : value;
}

function operationOf(name: string, route: Route): Record<string, unknown> {
  const { access, summary, answer, body, isUpload = false } = route;
  return {
    operationId: name,
    summary,
    'x-role': access,
    ...(answer.kind === 'gone' && { deprecated: true }),
    security: access === 'public' ? [] : [{ token: [] }, { session: [] }],
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...(body && {
      requestBody: {
        required: true,
        content: { [isUpload ? 'multipart/form-data' : 'application/json']: { schema: bodySchema(body, isUpload) } },
      },
    }),
    responses: responsesOf(route),
  };
}

function bodySchema(body: z.ZodObject, isUpload: boolean): Record<string, unknown> {
  const schema = schemaOf(body, 'input') as { properties?: Record<string, unknown>; required?: string[] };
  if (!isUpload) return schema;
  const file = { type: 'string', contentMediaType: 'application/octet-stream' };
  return {
    ...schema,
    properties: { ...schema.properties, file },
    required: [...(schema.required ?? []), 'file'],
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query'): Record<string, unknown>[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Record<string, unknown>>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function responsesOf({ access, answer }: Route): Record<string, unknown> {
  const failed = (description: string): Record<string, unknown> => ({
    description,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
  });
  const others = {
    ...(access !== 'public' && { 401: failed('Not signed in.'), 403: failed('The role does not reach.') }),
    default: failed('What failed, why, and what to do.'),
  };
  switch (answer.kind) {
    case 'json':
      return {
        [answer.status ?? 200]: {
          description: 'Done.',
          content: { 'application/json': { schema: schemaOf(answer.schema, 'output') } },
        },
        ...others,
      };
    case 'file':
      return { 200: { description: 'The bytes.', content: { 'application/octet-stream': {} } }, ...others };
    case 'text':
      return { 200: { description: 'Text.', content: { 'text/plain': {} } }, ...others };
    case 'events':
      return {
        200: {
          description: 'Server-sent events.',
          content: { 'text/event-stream': {} },
          'x-events': Object.fromEntries(
            Object.entries(answer.events).map(([event, schema]) => [event, schemaOf(schema, 'output')]),
          ),
        },
        ...others,
      };
    case 'gone':
      return { 410: failed(answer.reason), ...others };
  }
}
