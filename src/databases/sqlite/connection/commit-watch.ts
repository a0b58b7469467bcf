/**
 * Notices commits of other programs at once, and that the file was replaced. Two sources: events of the file system on
 * the folder, and a slow look at SQLite's own counter of foreign commits below it, for file systems without events.
 *
 * An event comes when the pages are written, before the commit can be seen: after each one the counter is looked at
 * again and again, at growing distance. Our own commits make events too, but do not move the counter.
 */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errorMessageOf, SyncError } from '../../../core/sync-error.js';
import { createCommitCounter, type CommitCounterOptions } from './commit-counter.js';
import { fileIdentityOf, isSameFile, writtenMarkOf, type FileIdentity } from './file-identity.js';

export interface CommitWatch {
  /** Must be called after each opening of the connection, before what it holds is read: commits count from here on. */
  rebase(): void;
  /**
   * Must be called right after each closing of the connection. Closing may write (the last one out empties the -wal), and
   * without this call the events of it would count as a commit: whoever opens the connection for that never rests.
   */
  rest(): void;
  /** What went wrong with events, or null: commits are then noticed by the slow look only. */
  readonly trouble: SyncError | null;
  close(): void;
}

export interface CommitWatchOptions extends Omit<CommitCounterOptions, 'writtenMark'> {
  readonly realPath: string;
  readonly identity: FileIdentity;
  /** Another file stands at the path, or none. Called once; nothing more is reported after it. */
  readonly onReplaced: () => void;
}

const pollFirstMs = 500;
const pollMaxMs = 4000;

export function createCommitWatch(options: CommitWatchOptions): CommitWatch {
  const { system, realPath } = options;
  const name = basename(realPath);
  const watched = new Set([name, `${name}-wal`, `${name}-journal`]);
  const counter = createCommitCounter({ ...options, writtenMark: () => writtenMarkOf(realPath) });
  let isClosed = false;
  let trouble: SyncError | null = null;
  let cancelPoll: (() => void) | null = null;
  let pollMs = pollFirstMs;

  function onEvent(kind: string, file: string | null): void {
    if (isClosed || (file !== null && !watched.has(file))) return;
    if (kind === 'rename' && hasBeenReplaced()) return;
    pollMs = pollFirstMs;
    counter.heard();
    counter.lookRepeatedly();
  }

  function poll(): void {
    cancelPoll = system.after(pollMs, () => {
      if (hasBeenReplaced()) return;
      // A commit that no event told of: events do not work here, so looking often is all there is.
      if (!counter.isLooking && counter.look()) counter.doubt();
      pollMs = counter.isTrusted ? Math.min(pollMs * 2, pollMaxMs) : pollFirstMs;
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
    counter.close();
    cancelPoll?.();
  }

  const watcher = startWatching(dirname(realPath), onEvent, (error) => {
    trouble = error;
    counter.doubt();
    pollMs = pollFirstMs;
  });
  poll();
  return {
    rebase: () => counter.rebase(),
    rest: () => counter.rest(),
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
