/**
 * Notices commits of other programs at once, and that the file was replaced. Two sources: events of the file system on
 * the folder, and a slow look at SQLite's own counter of foreign commits below it, for file systems without events.
 *
 * An event comes when the pages are written, before the commit can be seen: after each one the counter is looked at
 * again and again, at growing distance. Our own commits make events too, but do not move the counter.
 */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errorMessageOf, SyncError } from '../../core/sync-error.js';
import type { System } from '../../system/system.js';
import type { Connection } from './driver.js';
import { fileIdentityOf, isSameFile, type FileIdentity } from './file-identity.js';

export interface CommitWatch {
  /** Must be called after each opening of the connection, before what it holds is read: commits count from here on. */
  rebase(): void;
  /** What went wrong with events, or null: commits are then noticed by the slow look only. */
  readonly trouble: SyncError | null;
  close(): void;
}

export interface CommitWatchOptions {
  readonly system: System;
  readonly realPath: string;
  readonly identity: FileIdentity;
  /** `foreignCommitCounter` of the open connection; null while it is closed: then every event counts as a commit. */
  readonly counter: () => number | null;
  /** Another program has committed, or may have. */
  readonly onCommit: () => void;
  /** Another file stands at the path, or none. Called once; nothing more is reported after it. */
  readonly onReplaced: () => void;
}

/** Moves when another connection has committed. Throws `SyncError` USYNC-1201 while that one holds the file's lock. */
export const foreignCommitCounter = (connection: Connection): number =>
  Number(connection.cached('PRAGMA data_version').get()?.[0]);

/** Delays between looks after an event. The first look is at once. The late ones are for slow disks. */
const ladderMs = [1, 1, 2, 4, 8, 16, 32] as const;
const pollFirstMs = 500;
const pollMaxMs = 4000;

export function createCommitWatch(options: CommitWatchOptions): CommitWatch {
  const { system, realPath } = options;
  const name = basename(realPath);
  const watched = new Set([name, `${name}-wal`, `${name}-journal`]);
  let known: number | null = null;
  let isClosed = false;
  let trouble: SyncError | null = null;
  let step = 0;
  let cancelLook: (() => void) | null = null;
  let cancelPoll = (): void => {};
  let pollMs = pollFirstMs;
  let areEventsProven = false;

  /** True when the counter has moved, which is reported. A locked file says nothing yet. */
  function look(): boolean {
    const now = counterNow();
    if (now === undefined) return false;
    const hasMoved = now === null || now !== known;
    known = now;
    if (hasMoved) options.onCommit();
    return hasMoved;
  }

  function counterNow(): number | null | undefined {
    try {
      return options.counter();
    } catch (error) {
      // Locked is the normal case. Anything else is met, and reported, by the drain that this calls for.
      if (error instanceof SyncError && error.code === 'USYNC-1201') return undefined;
      return null;
    }
  }

  function onEvent(kind: string, file: string | null): void {
    if (isClosed || (file !== null && !watched.has(file))) return;
    if (kind === 'rename' && hasBeenReplaced()) return;
    pollMs = pollFirstMs;
    step = 0;
    if (look()) areEventsProven = true;
    if (cancelLook === null) climb();
  }

  function climb(): void {
    const delay = ladderMs[step];
    cancelLook = null;
    // While the connection is closed there is nothing to look at: the event itself was the report.
    if (isClosed || delay === undefined || known === null) return;
    step++;
    cancelLook = system.after(delay, () => {
      if (isClosed) return;
      if (look()) areEventsProven = true;
      climb();
    });
  }

  function poll(): void {
    cancelPoll = system.after(pollMs, () => {
      if (isClosed || hasBeenReplaced()) return;
      // A commit that no event told of: events do not work here, so looking often is all there is.
      const wasMissed = known !== null && cancelLook === null && look();
      if (wasMissed) areEventsProven = false;
      pollMs = areEventsProven && !wasMissed ? Math.min(pollMs * 2, pollMaxMs) : pollFirstMs;
      poll();
    });
  }

  function hasBeenReplaced(): boolean {
    if (isSameFile(fileIdentityOf(realPath), options.identity)) return false;
    close();
    options.onReplaced();
    return true;
  }

  function close(): void {
    isClosed = true;
    watcher?.close();
    cancelLook?.();
    cancelPoll();
  }

  const watcher = startWatching(dirname(realPath), onEvent, (error) => {
    trouble = error;
    areEventsProven = false;
    pollMs = pollFirstMs;
  });
  poll();
  return {
    rebase() {
      known = counterNow() ?? null;
      // An event that came while the connection was closed may have been too early for what is read now.
      step = 0;
      if (cancelLook === null) climb();
    },
    get trouble() {
      return trouble;
    },
    close,
  };
}

function startWatching(
  folder: string,
  onEvent: (kind: string, file: string | null) => void,
  onTrouble: (error: SyncError) => void,
): FSWatcher | null {
  const failed = (error: unknown): void =>
    onTrouble(
      new SyncError('USYNC-1210', `changes in ${folder} cannot be watched: ${errorMessageOf(error)}`, {
        nextStep:
          'On Linux raise fs.inotify.max_user_watches or max_user_instances; until then commits are noticed late.',
        cause: error,
      }),
    );
  try {
    const watcher = watch(folder, { persistent: false }, (kind, file) => onEvent(kind, file));
    watcher.on('error', failed);
    return watcher;
  } catch (error) {
    failed(error);
    return null;
  }
}
