/** The words of every state that the page shows, each with its tone: one place, so that a state is called the same everywhere. */
import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import type { Job } from '../../src/http/contract/job-schemas.js';
import type { Server, ServerDataset } from '../../src/http/contract/server-schemas.js';
import type { SyncState } from '../../src/http/contract/status-schemas.js';
import type { StateWords } from './tone.js';

export const syncStateWords: Readonly<Record<SyncState, StateWords>> = {
  'in-sync': { tone: 'ok', word: 'in sync' },
  'catching-up': { tone: 'busy', word: 'catching up' },
  starting: { tone: 'busy', word: 'starting' },
  stopping: { tone: 'wait', word: 'stopping' },
  waiting: { tone: 'wait', word: 'waiting' },
  alone: { tone: 'idle', word: 'alone' },
  degraded: { tone: 'bad', word: 'needs you' },
};

export const datasetStateWords: Readonly<Record<ServerDataset['state'], StateWords>> = {
  proven: { tone: 'ok', word: 'same' },
  'catching-up': { tone: 'busy', word: 'catching up' },
  differs: { tone: 'bad', word: 'differs' },
  disconnected: { tone: 'wait', word: 'not reached' },
  'not-carried': { tone: 'idle', word: 'not carried' },
};

const connectionWords: Readonly<Record<Server['connection'], StateWords>> = {
  self: { tone: 'ok', word: 'this server' },
  connected: { tone: 'ok', word: 'connected' },
  connecting: { tone: 'busy', word: 'connecting' },
  unreachable: { tone: 'wait', word: 'not reached' },
  paused: { tone: 'idle', word: 'paused' },
  none: { tone: 'idle', word: 'no connection' },
};

/** How a server stands: whether it belongs comes before whether it is connected, that before what it holds. */
export function serverWords(server: Server): StateWords {
  if (server.state === 'removed') return { tone: 'idle', word: 'removed' };
  if (server.state === 'expected') return { tone: 'wait', word: 'expected' };
  if (server.state === 'pending') return { tone: 'wait', word: 'waits for approval' };
  if (server.connection !== 'connected') return connectionWords[server.connection];
  if (!server.ping_success) return { tone: 'wait', word: 'does not answer' };
  const states = new Set(server.datasets.map(({ state }) => state));
  if (states.has('differs')) return { tone: 'bad', word: 'differs' };
  if (states.has('catching-up')) return { tone: 'busy', word: 'catching up' };
  return connectionWords.connected;
}

export const jobStateWords: Readonly<Record<Job['state'], StateWords>> = {
  running: { tone: 'busy', word: 'running' },
  done: { tone: 'ok', word: 'done' },
  failed: { tone: 'bad', word: 'failed' },
  cancelled: { tone: 'idle', word: 'cancelled' },
};

export const levelWords: Readonly<Record<ActivityEntry['level'], StateWords>> = {
  debug: { tone: 'idle', word: 'detail' },
  info: { tone: 'idle', word: 'info' },
  warn: { tone: 'wait', word: 'warning' },
  error: { tone: 'bad', word: 'error' },
};
