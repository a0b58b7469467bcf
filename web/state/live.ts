/**
 * The live connection: server-sent events that carry the status, what happens, and jobs. When nothing was heard for a
 * while, what is shown is stale and the page says so; it goes on trying.
 */
import { computed, effect, signal } from '@preact/signals';
import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import type { Job } from '../../src/http/contract/job-schemas.js';
import type { Status } from '../../src/http/contract/status-schemas.js';
import { call } from '../api/call.js';
import { learnServerTime, nowMs } from './clock.js';
import { findSession, session } from './session.js';

/** The server sends its status at least every ten seconds. */
const silenceMsMax = 25_000;
const retryMs = 2_000;
const activityMax = 200;
const jobsMax = 50;

interface Hello {
  readonly timestamp: string;
}

export const status = signal<Status | null>(null);
/** Newest first. */
export const liveActivity = signal<readonly ActivityEntry[]>([]);
export const liveJobs = signal<ReadonlyMap<string, Job>>(new Map());
const isOpen = signal(false);
const heardMs = signal<number | null>(null);
const lostMs = signal<number | null>(null);

/** Null while the connection is live; else since when it is not, in this browser's time. */
export const staleSinceMs = computed<number | null>(() => {
  const heard = heardMs.value;
  if (heard === null) return lostMs.value;
  if (isOpen.value && nowMs.value - heard <= silenceMsMax) return null;
  return heard;
});

let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Follows the session: listens while somebody is signed in, and forgets everything afterwards. */
export function followSession(): void {
  const isSignedIn = computed(() => session.value.kind === 'signed-in');
  effect(() => {
    if (isSignedIn.value) connect();
    else disconnect();
  });
}

/** Tries at once. */
export function reconnect(): void {
  source?.close();
  connect();
}

function connect(): void {
  clearTimeout(retry);
  const events = new EventSource('/api/sync/events');
  source = events;
  events.addEventListener('open', () => (isOpen.value = true));
  events.addEventListener('hello', ({ data }) => {
    learnServerTime(Date.parse((parsed(data) as Hello).timestamp));
    void findJobs();
  });
  events.addEventListener('status', ({ data }) => take(() => (status.value = parsed(data) as Status)));
  events.addEventListener('job', ({ data }) => take(() => takeJob(parsed(data) as Job)));
  events.addEventListener('activity', ({ data }) => take(() => takeActivity(parsed(data) as ActivityEntry)));
  events.addEventListener('error', () => lost(events));
}

function disconnect(): void {
  clearTimeout(retry);
  source?.close();
  source = null;
  isOpen.value = false;
  heardMs.value = null;
  lostMs.value = null;
  status.value = null;
  liveActivity.value = [];
  liveJobs.value = new Map();
}

function lost(events: EventSource): void {
  if (source !== events) return;
  events.close();
  isOpen.value = false;
  lostMs.value ??= Date.now();
  // The browser does not tell why: a session that ended is noticed by asking for it.
  retry = setTimeout(() => {
    void findSession().then(() => {
      if (source === events && session.peek().kind === 'signed-in') connect();
      return undefined;
    });
  }, retryMs);
}

function take(work: () => void): void {
  heardMs.value = Date.now();
  lostMs.value = null;
  work();
}

/** What ran on while nothing was heard. */
async function findJobs(): Promise<void> {
  try {
    const { jobs } = await call('listJobs', {});
    for (const job of jobs.toReversed()) takeJob(job);
  } catch {
    // The next connection asks again.
  }
}

/** An answer that was overtaken by live news changes nothing. */
export function takeJob(job: Job): void {
  const known = liveJobs.value.get(job.id);
  if (known !== undefined && known.state !== 'running' && job.state === 'running') return;
  const next = new Map(liveJobs.value);
  next.delete(job.id);
  next.set(job.id, job);
  for (const id of next.keys()) {
    if (next.size <= jobsMax) break;
    next.delete(id);
  }
  liveJobs.value = next;
}

function takeActivity(entry: ActivityEntry): void {
  const others = liveActivity.value.filter(({ id }) => id !== entry.id);
  liveActivity.value = [entry, ...others].slice(0, activityMax);
}

const parsed = (data: unknown): unknown => JSON.parse(String(data));
