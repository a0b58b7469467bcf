/** Writes of programs, in the form that clients of the older API send. Nothing is guessed: what is not clear is rejected. */
import { createHash } from 'node:crypto';
import { errorMessageOf } from '../../core/sync-error.js';
import type { ApplicationWrite, JsonValue, WriteOutcome } from '../../databases/replica.js';
import type { TargetedWrite } from '../../engine/page-calls.js';
import type { ApiContext } from '../api-context.js';
import type { ReceivedItem, receiveRoutes } from '../contract/receive-routes.js';
import { isoTime } from '../iso-time.js';
import type { Handlers } from './handler.js';
import { folderOf } from './file-handlers.js';

export const receiveHandlers: Handlers<keyof typeof receiveRoutes> = {
  async receiveChanges({ body }, context) {
    const results = await receiveRows(context, body.changes, body);
    const warnings = results.flatMap(({ index, status, reason }) =>
      status === 'rejected' ? [`change ${index}: ${reason ?? ''}`] : [],
    );
    return {
      success: warnings.length === 0,
      applied_count: countOf(results),
      timestamp: isoTime(context.system.nowMs()),
      catchup_mode: body.catchup_mode ?? false,
      warnings,
      results,
    };
  },
  async receiveDatabase({ body }, context) {
    const results = await receiveRows(context, body.changes, body);
    const applied = countOf(results);
    return { message: `${applied} of ${results.length} changes were applied.`, changes_applied: applied, results };
  },
  async receiveUniversal({ body }, context) {
    const results =
      body.type === 'file_batch' || body.type === 'file'
        ? await receiveFiles(context, body.changes)
        : await receiveRows(context, body.changes, {});
    const errors = results.flatMap(({ index, status, reason }) =>
      status === 'rejected' ? [`change ${index}: ${reason ?? ''}`] : [],
    );
    const successful = results.length - errors.length;
    return {
      status: errors.length === 0 ? 'success' : successful > 0 ? 'partial' : 'failed',
      sync_type: body.type,
      total_changes: results.length,
      successful,
      errors,
      timestamp: isoTime(context.system.nowMs()),
      results,
    };
  },
};

const countOf = (results: readonly ReceivedItem[]): number =>
  results.filter(({ status }) => status === 'applied').length;

interface Source {
  readonly server_id?: string | number | undefined;
  readonly dataset?: string | undefined;
}

type Read =
  | { readonly kind: 'write'; readonly write: TargetedWrite }
  | { readonly kind: 'refused'; readonly table: string; readonly reason: string };

async function receiveRows(
  { engine }: ApiContext,
  changes: readonly Readonly<Record<string, unknown>>[],
  source: Source,
): Promise<ReceivedItem[]> {
  const reads = changes.map((change) => readChange(change, source));
  const writes = reads.flatMap((read) => (read.kind === 'write' ? [read.write] : []));
  const outcomes = [...(await engine.applyWrites(writes))];
  return reads.map((read, index) => {
    if (read.kind === 'refused')
      return { index, table: read.table, record_id: null, status: 'rejected', reason: read.reason };
    const outcome: WriteOutcome = outcomes.shift() ?? { status: 'rejected', key: null, reason: 'no outcome' };
    const { status, key, reason } = outcome;
    return { index, table: read.write.table, record_id: key ?? read.write.recordId, status, reason };
  });
}

/** Producers wrote in upper and lower case. Soft deletes are what they say: the columns that they name. */
const operations: Readonly<Record<string, ApplicationWrite['operation']>> = {
  insert: 'insert',
  create: 'insert',
  update: 'update',
  soft_delete: 'update',
  reactivate: 'update',
  restore: 'update',
  upsert: 'upsert',
  delete: 'delete',
};

function readChange(change: Readonly<Record<string, unknown>>, { server_id, dataset }: Source): Read {
  const table = typeof change['table'] === 'string' ? change['table'] : '';
  const refused = (reason: string): Read => ({ kind: 'refused', table, reason });
  if (table === '') return refused('it names no table');
  const word = textOf(change['operation']).toLowerCase();
  const operation = Object.hasOwn(operations, word) ? operations[word] : undefined;
  if (operation === undefined) return refused(`the operation "${word.slice(0, 40)}" is not known`);
  const values = change['data'] ?? {};
  if (typeof values !== 'object' || Array.isArray(values)) return refused('"data" is no object');
  if (operation === 'update' && Object.keys(values).length === 0)
    return refused('it names no columns: what it means for the row cannot be guessed');
  const isUniversal = change['type'] === 'database';
  const key = change['record_id'] ?? (isUniversal ? change['id'] : undefined);
  const recordId = typeof key === 'string' || typeof key === 'number' ? String(key) : null;
  const id = isUniversal ? undefined : change['id'];
  const name =
    server_id === undefined || (typeof id !== 'string' && typeof id !== 'number') ? null : nameOf(server_id, id);
  return {
    kind: 'write',
    write: {
      table,
      operation,
      values: values as Readonly<Record<string, JsonValue>>,
      recordId,
      name,
      ...(dataset !== undefined && { dataset }),
    },
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Of a fixed length, whatever a sender calls itself. */
const nameOf = (server: string | number, id: string | number): string =>
  createHash('sha256')
    .update(JSON.stringify([String(server), String(id)]))
    .digest('base64url');

async function receiveFiles(
  context: ApiContext,
  changes: readonly Readonly<Record<string, unknown>>[],
): Promise<ReceivedItem[]> {
  const results: ReceivedItem[] = [];
  for (const [index, change] of changes.entries()) {
    // Windows wrote its own separator.
    const path = textOf(change['path']).replaceAll('\\', '/');
    const item = { index, table: 'entries', record_id: path };
    try {
      await receiveFile(context, path, change);
      results.push({ ...item, status: 'applied', reason: null });
    } catch (error) {
      results.push({ ...item, status: 'rejected', reason: errorMessageOf(error) });
    }
  }
  return results;
}

async function receiveFile(
  context: ApiContext,
  path: string,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { content, hash, operation } = change;
  const base = typeof change['base_folder'] === 'string' ? change['base_folder'] : undefined;
  const folder = folderOf(context, base);
  if (textOf(operation).toLowerCase() === 'delete') return folder.remove(path);
  if (typeof content !== 'string') throw new TypeError('it has no content');
  const bytes = Buffer.from(content, change['is_binary'] === true ? 'base64' : 'utf8');
  const found = createHash('sha256').update(bytes).digest('hex');
  // Checked before anything is written.
  if (typeof hash === 'string' && hash.toLowerCase() !== found)
    throw new TypeError('the content does not fit its hash');
  await folder.write(path, new Uint8Array(bytes));
}
