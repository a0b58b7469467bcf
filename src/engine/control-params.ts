import { z } from 'zod';
import { valueWords } from '../config/value-words.js';
import { SyncError } from '../core/sync-error.js';
import type { ControlMethod, ControlMethods } from './control-contract.js';

const none = z.object({});
const dataset = z.string().optional();
const count = z.int().min(0).max(100_000);
const notAnId = 'is not an id: an id has up to 16 of the digits 0-9 and a-f';
/** The beginning of an id of a conflict or a held row. */
const recordId = z.string().regex(/^[0-9a-f]{1,16}$/, notAnId);

/** What each method takes. Unknown keys are left out, so that a newer command line may talk to an older engine. */
const schemas = {
  status: none,
  wait: z.object({ timeoutMs: z.number().min(0) }),
  verify: z.object({ dataset, rowsMax: count.optional() }),
  audit: z.object({ dataset, table: z.string().optional() }),
  invite: z.object({ validMs: z.number().positive().optional(), isPreApproved: z.boolean().optional() }),
  join: z.object({
    code: z.string().max(4_096),
    isDryRun: z.boolean().optional(),
    choice: z.enum(['same-rows', 'distinct-rows']).optional(),
  }),
  servers: none,
  approve: z.object({ server: z.string().min(1) }),
  remove: z.object({ server: z.string().min(1) }),
  conflicts: z.object({ dataset, max: count, idStart: recordId.optional(), withDecided: z.boolean().optional() }),
  restoreConflict: z.object({ id: recordId }),
  dismissConflicts: z.object({ dataset, ids: z.array(recordId).max(10_000).optional(), all: z.boolean().optional() }),
  forgetConflicts: z.object({ foundBeforeMs: z.number() }),
  quarantine: z.object({ dataset, max: count, idStart: recordId.optional() }),
  retryHeld: none,
  dropHeld: z.object({ id: recordId }),
  rowHistory: z.object({ dataset, table: z.string(), key: z.array(z.string()).max(64), max: count }),
  pathHistory: z.object({ dataset: z.string(), path: z.string().optional(), max: count }),
  undo: z.object({ dataset, server: z.string().min(1), sinceMs: z.number(), isDryRun: z.boolean() }),
  folder: z.object({ dataset: z.string(), max: count }),
  folderHistory: z.object({ dataset: z.string(), max: count, path: z.string().optional() }),
  folderRestore: z.object({ dataset: z.string(), id: z.int().min(0) }),
  folderAccept: z.object({ dataset: z.string() }),
  folderPutBack: z.object({ dataset: z.string() }),
  activity: z.object({ max: count }),
  stop: z.object({ reason: z.string() }),
} satisfies Record<ControlMethod, z.ZodType>;

export const isControlMethod = (name: unknown): name is ControlMethod =>
  typeof name === 'string' && Object.hasOwn(schemas, name);

export function controlParams<M extends ControlMethod>(method: M, params: unknown): ControlMethods[M]['params'] {
  const parsed = schemas[method].safeParse(params ?? {}, { reportInput: true });
  if (parsed.success) return parsed.data as ControlMethods[M]['params'];
  const [issue] = parsed.error.issues;
  const where = issue?.message === notAnId ? 'What is given' : `${method}: ${issue?.path.join('.') ?? ''}`;
  throw new SyncError('USYNC-1103', `${where} ${issue ? valueWords(issue) : 'is not understood'}.`);
}
