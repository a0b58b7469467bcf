/**
 * What crosses between the main thread and the worker of one folder: calls and their answers, and the worker's own
 * questions for contents, which the main thread asks of peers.
 */
import type { ContentRequest } from './core/content-request.js';
import type { ErrorCode } from './core/error-catalogue.js';
import { takeSpares } from './core/spare-buffers.js';
import { errorMessageOf, SyncError, type ErrorFacts } from './core/sync-error.js';
import type { ReplicaWork } from './databases/replica.js';
import type { FolderNews } from './files/folder-news.js';
import type { FolderWork } from './files/folder-replica.js';

export type FolderMethod = keyof FolderWork;

/** Emptied buffers that come along, so that the answer's bytes have where to stand. */
export interface WithSpares {
  readonly spares: readonly ArrayBuffer[];
}

export type MessageToFolder =
  | ({
      readonly kind: 'call';
      readonly id: number;
      readonly method: FolderMethod;
      readonly args: readonly unknown[];
    } & WithSpares)
  | { readonly kind: 'fetched'; readonly id: number; readonly pieces: readonly (Uint8Array | null)[] }
  | { readonly kind: 'nowhere'; readonly id: number; readonly isNowhere: boolean }
  | { readonly kind: 'not-fetched'; readonly id: number; readonly failure: FolderFailure };

export type MessageFromFolder =
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: FolderFailure }
  | { readonly kind: 'captured' }
  | { readonly kind: 'news'; readonly news: FolderNews }
  | { readonly kind: 'work'; readonly work: ReplicaWork | null }
  | ({ readonly kind: 'fetch'; readonly id: number; readonly requests: readonly ContentRequest[] } & WithSpares)
  | { readonly kind: 'seek'; readonly id: number; readonly request: ContentRequest };

/** An error without its class, which does not cross. */
export interface FolderFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly nextStep: string;
  readonly facts: ErrorFacts;
}

export const failureOf = (error: unknown): FolderFailure => ({
  code: error instanceof SyncError ? error.code : null,
  message: errorMessageOf(error),
  nextStep: error instanceof SyncError ? error.nextStep : '',
  facts: error instanceof SyncError ? error.facts : {},
});

export const errorOf = ({ code, message, nextStep, facts }: FolderFailure): Error =>
  code === null ? new Error(message) : new SyncError(code, message, { nextStep, facts });

/** One for the bytes that are asked for, if it is worth it. */
export const sparesFor = (requests: readonly ContentRequest[]): ArrayBuffer[] =>
  takeSpares(requests.reduce((sum, { length }) => sum + length, 0));

/** Buffers that may be handed over: each piece has one of its own. */
export const buffersOf = (pieces: readonly (Uint8Array | null)[]): ArrayBuffer[] => [
  ...new Set(pieces.flatMap((piece) => (piece?.buffer instanceof ArrayBuffer ? [piece.buffer] : []))),
];
