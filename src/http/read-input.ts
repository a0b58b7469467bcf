import type { z } from 'zod';
import { valueWords } from '../config/value-words.js';
import { SyncError } from '../core/sync-error.js';
import type { Route } from './contract/route.js';
import { batchBytesMax, jsonBytesMax, uploadBytesMax } from './http-limits.js';
import { parseStrictJson } from './strict-json.js';

export interface ReadInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  /** The file of an upload. */
  readonly file: Uint8Array | null;
}

interface GivenInput {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, readonly string[]>>;
}

/** Checks everything against the route's description. Throws USYNC-1907 with the field, or USYNC-1911. */
export async function readInput(route: Route, request: Request, { params, query }: GivenInput): Promise<ReadInput> {
  const plainQuery = Object.fromEntries(
    Object.entries(query).map(([name, values]) => [name, values.length === 1 ? values[0] : [...values]]),
  );
  const { body, file } = await readBody(route, request);
  return {
    params: checked(route.params, params),
    query: checked(route.query, plainQuery),
    body: checked(route.body, body),
    file,
  };
}

function checked(schema: z.ZodObject | undefined, value: unknown): unknown {
  if (!schema) return {};
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join('.') ?? '';
  throw new SyncError(
    'USYNC-1907',
    `${field === '' ? 'The input' : `"${field}"`} does not fit: ${issue ? valueWords(issue) : ''}.`,
    {
      facts: { field },
    },
  );
}

/** Routes that take many rows or files at once. */
const batchPaths: ReadonlySet<string> = new Set([
  '/api/sync/receive-changes',
  '/api/sync/database',
  '/api/sync/universal_receive',
]);

async function readBody(
  { method, path, isUpload = false }: Route,
  request: Request,
): Promise<{ readonly body: unknown; readonly file: Uint8Array | null }> {
  if (method === 'GET') return { body: {}, file: null };
  const type = request.headers.get('content-type') ?? '';
  const bytes = await bytesOf(request, isUpload ? uploadBytesMax : batchPaths.has(path) ? batchBytesMax : jsonBytesMax);
  if (isUpload) return readForm(bytes, type);
  if (bytes.length === 0) return { body: {}, file: null };
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new SyncError('USYNC-1907', 'The body must be JSON (content-type: application/json).');
  return { body: parseStrictJson(new TextDecoder('utf-8', { fatal: false }).decode(bytes)), file: null };
}

async function bytesOf(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = new SyncError('USYNC-1911', `The body is larger than ${bytesMax} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
  if (request.body === null) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
    total += piece.length;
    if (total > bytesMax) throw tooLarge;
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

async function readForm(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<{ readonly body: unknown; readonly file: Uint8Array | null }> {
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { 'content-type': type } }).formData();
  } catch {
    throw new SyncError('USYNC-1907', 'The body must be a form with a file (content-type: multipart/form-data).');
  }
  const fields: Record<string, string> = {};
  for (const [name, value] of form) if (typeof value === 'string') fields[name] = value;
  const file = form.get('file');
  if (file === null || typeof file === 'string')
    throw new SyncError('USYNC-1907', 'The form has no file.', { facts: { field: 'file' } });
  return { body: fields, file: new Uint8Array(await file.arrayBuffer()) };
}
