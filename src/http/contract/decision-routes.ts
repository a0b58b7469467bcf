import { z } from 'zod';
import { startedJob } from './job-schemas.js';
import { defineRoutes } from './route.js';
import { age, columnValue, count, itemResult, pageQuery, pagination, time } from './shared-schemas.js';

export const conflict = z.object({
  id: z.string(),
  dataset: z.string(),
  kind: z.enum(['row', 'file']),
  table: z.string(),
  key: z.string(),
  column: z.string().nullable().describe('Null: the whole row lost.'),
  rule: z.string(),
  kept: z.string().describe('A SQL literal; of a file its path.'),
  lost: z.string(),
  rest: z
    .array(columnValue)
    .nullable()
    .describe('The other columns of a row that lost; null when only its writer knows them.'),
  lost_by: z.string(),
  kept_by: z.string().nullable(),
  at: time.describe('When what lost was written.'),
  noticed_at: time,
  can_restore: z.boolean(),
  decision: z
    .object({
      kind: z
        .enum(['restored', 'dismissed', 'wanted', 'refused', 'settled'])
        .describe('"settled": the conflict copy of a file was edited, renamed or deleted.'),
      by: z.string().nullable().describe('The server where it was decided; null when it is settled.'),
      at: time,
      why: z.string(),
    })
    .nullable(),
});
export type Conflict = z.infer<typeof conflict>;

export const heldRow = z.object({
  id: z.string(),
  dataset: z.string(),
  table: z.string(),
  key: z.string(),
  reason: z.string(),
  freed_by: z.string(),
  written_by: z.string(),
  at: time.nullable(),
  cells: z.array(columnValue),
});
export type HeldRow = z.infer<typeof heldRow>;

const undoResult = z.object({
  server: z.string(),
  is_dry_run: z.boolean(),
  steps: z.array(
    z.object({
      dataset: z.string(),
      kind: z.enum(['update', 'delete', 'insert']),
      table: z.string(),
      key: z.string(),
      cells: z.array(z.object({ column: z.string(), from: z.string(), to: z.string() })),
      skipped: z.string().nullable(),
    }),
  ),
  /** Datasets that were left as they were, since the job was cancelled. */
  not_done: z.array(z.string()),
  /** Folders: their files are put back from the file history. */
  left_out: z.array(z.string()),
});
/** The result of a job of kind `undo`. */
export type UndoResult = z.infer<typeof undoResult>;

const recordId = z.string().regex(/^[0-9a-f]{1,16}$/, 'an id has up to 16 of the digits 0-9 and a-f');
const recordParams = z.object({ id: recordId });
const ids = z.array(recordId).min(1).max(1_000);

export const decisionRoutes = defineRoutes({
  listConflicts: {
    method: 'GET',
    path: '/api/sync/conflicts',
    access: 'viewer',
    summary: 'What lost a conflict, newest first. It was resolved by rule at once; what lost can be restored.',
    query: z.object({
      ...pageQuery,
      dataset: z.string().optional(),
      table: z.string().optional(),
      state: z.enum(['open', 'decided', 'all']).default('open'),
    }),
    answer: {
      kind: 'json',
      schema: z.object({ conflicts: z.array(conflict), forgotten: count, pagination, age_ms: age }),
    },
  },
  getConflict: {
    method: 'GET',
    path: '/api/sync/conflicts/{id}',
    access: 'viewer',
    summary: 'One conflict.',
    params: recordParams,
    answer: { kind: 'json', schema: conflict.extend({ age_ms: age }) },
  },
  restoreConflict: {
    method: 'POST',
    path: '/api/sync/conflicts/{id}/restore',
    access: 'operator',
    summary: 'Puts back what lost, or asks the server that can.',
    params: recordParams,
    answer: {
      kind: 'json',
      schema: z.object({ message: z.string(), outcome: z.enum(['restored', 'asked']), conflict }),
    },
  },
  restoreConflicts: {
    method: 'POST',
    path: '/api/sync/conflicts/restore',
    access: 'operator',
    summary: 'The same for many, with one result each.',
    body: z.object({ ids }),
    answer: { kind: 'json', schema: z.object({ message: z.string(), results: z.array(itemResult) }) },
  },
  dismissConflicts: {
    method: 'POST',
    path: '/api/sync/conflicts/dismiss',
    access: 'operator',
    summary: 'Takes conflicts off the list, on every server. What lost stays in the log.',
    body: z.object({ ids: ids.optional(), all: z.boolean().optional(), dataset: z.string().optional() }),
    answer: {
      kind: 'json',
      schema: z.object({ message: z.string(), dismissed: count, results: z.array(itemResult) }),
    },
  },
  listQuarantine: {
    method: 'GET',
    path: '/api/sync/quarantine',
    access: 'viewer',
    summary: 'What cannot be shown here yet, with the reason and what frees it.',
    query: z.object({ ...pageQuery, dataset: z.string().optional() }),
    answer: { kind: 'json', schema: z.object({ quarantine: z.array(heldRow), pagination, age_ms: age }) },
  },
  retryQuarantine: {
    method: 'POST',
    path: '/api/sync/quarantine/retry',
    access: 'operator',
    summary: 'Tries again to show everything that is held.',
    answer: { kind: 'json', schema: z.object({ message: z.string(), held: count }) },
  },
  dropQuarantined: {
    method: 'DELETE',
    path: '/api/sync/quarantine/{id}',
    access: 'operator',
    summary: 'Deletes a held row, on every server.',
    params: recordParams,
    answer: { kind: 'json', schema: z.object({ message: z.string(), dropped: heldRow }) },
  },
  previewUndo: {
    method: 'POST',
    path: '/api/sync/undo/preview',
    access: 'operator',
    summary:
      'What taking back what one server wrote in databases since a time would change. A job; its result is an UndoResult.',
    body: z.object({
      server: z.string().min(1),
      since: z.iso.datetime({ offset: true }),
      dataset: z.string().optional(),
    }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
  undo: {
    method: 'POST',
    path: '/api/sync/undo',
    access: 'admin',
    summary:
      'Takes back what one server wrote in databases since a time, on every server. A job; its result is an UndoResult.',
    body: z.object({
      server: z.string().min(1),
      since: z.iso.datetime({ offset: true }),
      dataset: z.string().optional(),
    }),
    answer: { kind: 'json', status: 202, schema: startedJob },
  },
});
