/**
 * The contract between a running engine and the command line: JSON lines over a local socket in the data folder that
 * only the owner can open. One request a line, `{ id, method, params }`; answers `{ id, result }` or `{ id, error }`;
 * before the answer there may be `{ id, progress }` lines. Both sides are typed by `ControlMethods`.
 */
import type { WorkProgress } from './work-progress.js';
import type { Entry } from '../core/entry.js';
import type { ErrorCode } from '../core/error-catalogue.js';
import type { ErrorFacts } from '../core/sync-error.js';
import type { HistoryRecord } from '../databases/entry-table.js';
import type { FolderStatus, WaitingEntry } from '../databases/folder-calls.js';
import type { ObservedEvent } from '../observe/event.js';
import type {
  ConflictList,
  ConflictsQuery,
  DismissRequest,
  HistoryQuery,
  PathHistory,
  PathQuery,
  QuarantineInfo,
  RestoreReport,
  RowHistoryInfo,
  UndoQuery,
  UndoReport,
} from './decisions.js';
import type {
  DatasetAudit,
  Invite,
  InviteOptions,
  JoinOptions,
  JoinReport,
  ServerInfo,
  VerifyOptions,
  VerifyReport,
} from './engine.js';
import type { EngineStatus } from './engine-status.js';

/** Name of the socket within the data folder. */
export const controlSocketName = 'control.sock';
/** A longer line ends the connection. */
export const controlLineBytesMax = 16 * 1024 * 1024;

export interface ControlMethods {
  status: { params: NoParams; result: EngineStatus };
  wait: { params: { readonly timeoutMs: number }; result: EngineStatus };
  verify: { params: Omit<VerifyOptions, 'signal' | 'onProgress'>; result: VerifyReport };
  audit: { params: { readonly dataset?: string; readonly table?: string }; result: readonly DatasetAudit[] };
  invite: { params: Omit<InviteOptions, 'onProgress'>; result: Invite };
  join: { params: Omit<JoinOptions, 'signal' | 'onProgress'>; result: JoinReport };
  servers: { params: NoParams; result: readonly ServerInfo[] };
  approve: { params: { readonly server: string }; result: ServerInfo };
  remove: { params: { readonly server: string }; result: ServerInfo };
  conflicts: { params: ConflictsQuery; result: ConflictList };
  restoreConflict: { params: { readonly id: string }; result: RestoreReport };
  dismissConflicts: { params: DismissRequest; result: { readonly dismissed: number } };
  forgetConflicts: { params: { readonly foundBeforeMs: number }; result: { readonly forgotten: number } };
  quarantine: {
    params: { readonly dataset?: string; readonly max: number; readonly idStart?: string };
    result: readonly QuarantineInfo[];
  };
  retryHeld: { params: NoParams; result: { readonly held: number } };
  dropHeld: { params: { readonly id: string }; result: QuarantineInfo };
  rowHistory: { params: HistoryQuery; result: RowHistoryInfo };
  pathHistory: { params: PathQuery; result: PathHistory };
  undo: { params: UndoQuery; result: UndoReport };
  folder: { params: FolderQuery; result: FolderReport };
  folderHistory: {
    params: FolderQuery & { readonly path?: string };
    result: readonly HistoryRecord[];
  };
  folderRestore: { params: { readonly dataset: string; readonly id: number }; result: HistoryRecord };
  folderAccept: { params: { readonly dataset: string }; result: { readonly isAccepted: boolean } };
  folderPutBack: { params: { readonly dataset: string }; result: { readonly entries: number } };
  activity: { params: { readonly max: number }; result: readonly ObservedEvent[] };
  /** Answers before the engine stops. */
  stop: { params: { readonly reason: string }; result: { readonly isStopping: true } };
}

export interface FolderQuery {
  readonly dataset: string;
  readonly max: number;
}

export interface FolderReport {
  readonly status: FolderStatus;
  readonly waiting: readonly WaitingEntry[];
  readonly leftOut: readonly WaitingEntry[];
  /** While a guard holds their deletions. */
  readonly missing: readonly string[];
  readonly copies: readonly Entry[];
  /** Names that other systems cannot hold. */
  readonly unportable: readonly WaitingEntry[];
}

type NoParams = Readonly<Record<string, never>>;

export type ControlMethod = keyof ControlMethods;

export interface ControlRequest {
  readonly id: number;
  readonly method: ControlMethod;
  readonly params: unknown;
}

export type ControlReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ControlFailure }
  | { readonly id: number; readonly progress: WorkProgress };

export interface ControlFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly nextStep: string;
  readonly facts: ErrorFacts;
}

/** The client's side: a method of the same name and types for each. */
export interface ControlClient {
  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: WorkProgress) => void },
  ): Promise<ControlMethods[M]['result']>;
  close(): void;
}
