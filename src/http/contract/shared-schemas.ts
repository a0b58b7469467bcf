/** Pieces that many answers share. */
import { z } from 'zod';

/** UTC, ISO 8601 with milliseconds and "Z". */
export const time = z.iso.datetime().describe('UTC, ISO 8601');
export const optionalTime = time.nullable();

export const count = z.int().min(0);

export const pagination = z.object({ page: count, per_page: count, total: count, pages: count });
export type Pagination = z.infer<typeof pagination>;

/** What every list takes. */
export const pageQuery = {
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  per_page: z.coerce.number().int().min(1).max(1_000).default(50),
};

/** How old what is told is. */
export const age = count.describe(
  'Milliseconds; 0: read for this answer. A dataset that is busy tells what it told last; "Prefer: wait=1" waits a second for it.',
);

/** A value of a query string: "true" or "false". */
export const flag = z.stringbool().optional();

/** Every failure of every route has this body. */
export const failure = z.object({
  error: z.string().describe('What failed and why, for people.'),
  code: z.string().describe('Stable; see docs/errors.md.'),
  next_step: z.string().describe('What to do.'),
  /** For input that does not fit: which field. */
  field: z.string().optional(),
});
export type Failure = z.infer<typeof failure>;

/** How far long work is. */
export const workProgress = z.object({
  done: count,
  total: count.nullable().describe('Null while it is not known.'),
  unit: z.string().describe('What is counted: "servers", "rows".'),
  text: z.string(),
  rate_per_second: z.number().nullable(),
  seconds_left: z.number().nullable(),
});
export type WorkProgress = z.infer<typeof workProgress>;

/** One item of a batch. */
export const itemResult = z.object({
  item: z.string(),
  ok: z.boolean(),
  message: z.string(),
  code: z.string().nullable(),
});
export type ItemResult = z.infer<typeof itemResult>;

export const message = z.object({ message: z.string() });

export const role = z.enum(['viewer', 'operator', 'admin']);

export const columnValue = z.object({ column: z.string(), value: z.string().describe('A SQL literal.') });
export type ColumnValue = z.infer<typeof columnValue>;

export const problem = z.object({
  code: z.string(),
  level: z.enum(['warn', 'error']),
  subject: z.string(),
  reason: z.string(),
  next_step: z.string(),
  since: time,
  count,
});
export type Problem = z.infer<typeof problem>;
