import { z } from 'zod';
import { defineRoutes } from './route.js';
import { age, count, flag, time } from './shared-schemas.js';

const datasetParams = z.object({ dataset: z.string().min(1).max(200) });
const path = z.string().max(4_096);

export const fileEntry = z.object({
  name: z.string(),
  path: z.string(),
  kind: z.enum(['file', 'folder', 'link']),
  size: count,
  mode: z.int(),
  modified: time,
  hash: z.string().nullable().describe('Names the content; equal means equal.'),
  author: z.string().describe('The server on which it was written.'),
  is_conflict_copy: z.boolean(),
  copy_of: z.string().nullable(),
  state: z.enum(['placed', 'pending', 'waiting']),
  reason: z.string().nullable(),
});
export type FileEntry = z.infer<typeof fileEntry>;

export const keptFile = z.object({
  id: count,
  path: z.string(),
  size: count,
  modified: time,
  reason: z.enum(['replaced', 'deleted']),
  at: time,
});
export type KeptFile = z.infer<typeof keptFile>;

const pathState = z
  .object({ size: count.nullable(), mode: z.int().nullable(), modified: time.nullable() })
  .describe('Null is what is not known, and of `attributes` what stayed.');

export const pathEvent = z.object({
  kind: z
    .enum(['added', 'changed', 'moved', 'deleted', 'attributes', 'conflict'])
    .describe('`attributes`: time or mode alone. `conflict`: an edit that lost the path `from` stands here as a copy.'),
  path: z.string(),
  entry: z.enum(['file', 'folder', 'link']),
  from: z.string().nullable(),
  by: z.string(),
  at: time,
  before: pathState.nullable(),
  now: pathState.nullable(),
  kept_as: count.nullable().describe('What stood before is kept on this server: its `id` in the file history.'),
});
export type PathEvent = z.infer<typeof pathEvent>;

const waitingEntry = z.object({ path: z.string(), reason: z.string() });

const checksum = z.object({ checksum: z.string(), size: count, modified: time });
const oldFolder = z.string().max(200).optional().describe('The name of a folder dataset; the only one when absent.');

export const fileRoutes = defineRoutes({
  listFiles: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/files',
    access: 'viewer',
    summary: 'What stands in one folder of a folder dataset.',
    params: datasetParams,
    query: z.object({ path: path.default('') }),
    answer: {
      kind: 'json',
      schema: z.object({
        dataset: z.string(),
        path: z.string(),
        entries: z.array(fileEntry),
        is_complete: z.boolean(),
        age_ms: age,
      }),
    },
  },
  folderReport: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/files/report',
    access: 'viewer',
    summary:
      'What waits and why, what takes no part, which conflict copies stand, which names other systems cannot hold.',
    params: datasetParams,
    answer: {
      kind: 'json',
      schema: z.object({
        waiting: z.array(waitingEntry),
        left_out: z.array(waitingEntry),
        missing: z.array(z.string()).describe('What is gone from the disk while a guard holds its deletions.'),
        unportable: z.array(waitingEntry).describe('Names that other systems cannot hold, or not beside each other.'),
        copies: z.array(fileEntry),
        age_ms: age,
      }),
    },
  },
  fileHistory: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/files/history',
    access: 'viewer',
    summary: 'Files that were replaced or deleted here, newest first; of one path or of all.',
    params: datasetParams,
    query: z.object({ path: path.optional(), limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
    answer: { kind: 'json', schema: z.object({ history: z.array(keptFile), age_ms: age }) },
  },
  pathHistory: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/files/events',
    access: 'viewer',
    summary: 'What happened to one path, to all below it, or to any, newest first, as far back as the journal goes.',
    params: datasetParams,
    query: z.object({ path: path.optional(), limit: z.coerce.number().int().min(1).max(1_000).default(100) }),
    answer: {
      kind: 'json',
      schema: z.object({
        events: z.array(pathEvent),
        is_whole: z.boolean().describe('False: more happened before.'),
        age_ms: age,
      }),
    },
  },
  restoreFile: {
    method: 'POST',
    path: '/api/sync/datasets/{dataset}/files/restore',
    access: 'operator',
    summary: 'Puts a file of the history back at its path; what stands there goes to the history.',
    params: datasetParams,
    body: z.object({ id: count }),
    answer: { kind: 'json', schema: z.object({ message: z.string(), restored: keptFile }) },
  },
  acceptFolder: {
    method: 'POST',
    path: '/api/sync/datasets/{dataset}/files/accept',
    access: 'operator',
    summary: 'What is missing is meant to be gone, and this is the folder: goes on after a guard has stopped it.',
    params: datasetParams,
    answer: { kind: 'json', schema: z.object({ message: z.string() }) },
  },
  putBackFolder: {
    method: 'POST',
    path: '/api/sync/datasets/{dataset}/files/put-back',
    access: 'operator',
    summary: 'What is held as missing is placed again, from other servers or the history.',
    params: datasetParams,
    answer: { kind: 'json', schema: z.object({ message: z.string(), entries: count }) },
  },
  fileContent: {
    method: 'GET',
    path: '/api/sync/datasets/{dataset}/files/content',
    access: 'viewer',
    summary: 'The bytes of one file, as an attachment.',
    params: datasetParams,
    query: z.object({ path: path.min(1) }),
    answer: { kind: 'file' },
  },
  checksums: {
    method: 'GET',
    path: '/api/sync/files/checksums',
    access: 'viewer',
    summary:
      'Every file of a folder dataset with the name of its content. While the folder is busy the header Age says how old it is.',
    query: z.object({ path: oldFolder, catchup_mode: flag, since: z.string().max(40).optional() }),
    answer: { kind: 'json', schema: z.record(z.string(), checksum) },
  },
  downloadFile: {
    method: 'GET',
    path: '/api/sync/files/download',
    access: 'viewer',
    summary: 'The bytes of one file, as an attachment.',
    query: z.object({ path: path.min(1), base_folder: oldFolder }),
    answer: { kind: 'file' },
  },
  uploadFile: {
    method: 'POST',
    path: '/api/sync/files/upload',
    access: 'operator',
    summary:
      'Writes a file into a folder dataset, as an application would. What it replaces gives it its mode and goes to the history.',
    isUpload: true,
    body: z.object({ path: path.min(1), base_folder: oldFolder, server_id: z.string().optional() }),
    answer: {
      kind: 'json',
      schema: z.object({ message: z.string(), path: z.string(), checksum: z.string().describe('SHA-256, hex.') }),
    },
  },
  deleteFile: {
    method: 'POST',
    path: '/api/sync/files/delete',
    access: 'operator',
    summary: 'Deletes a file of a folder dataset, as an application would. Its last content goes to the history.',
    body: z.object({ path: path.min(1), directory: oldFolder, server_id: z.string().optional() }),
    answer: { kind: 'json', schema: z.object({ message: z.string(), path: z.string() }) },
  },
});
