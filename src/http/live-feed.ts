import type { Engine } from '../engine/engine.js';
import type { System } from '../system/system.js';
import { activityEntry } from './answers/activity-entry.js';
import { statusAnswer } from './answers/status-answer.js';
import type { ActivityEntry } from './contract/activity-schemas.js';
import type { Status } from './contract/status-schemas.js';
import { liveClientsMax, liveKeepAliveMs, liveNamesMs, liveStatusAtLeastMs, liveStatusMs } from './http-limits.js';
import type { Jobs } from './jobs.js';
import { SyncError } from '../core/sync-error.js';
import type { ExpectedServers } from './expected-servers.js';
import type { Config } from '../config/config.js';
import type { StatusReader } from './status-reader.js';

/** What happens, to everyone who watches. Each event is made into text once, however many watch. */
export interface LiveFeed {
  /** Throws USYNC-1911 when too many watch. `send` must not throw. */
  watch(watcher: Watcher): () => void;
  readonly watchers: number;
  /** Events since the start that are still remembered, newest first. */
  entries(): readonly ActivityEntry[];
  close(): void;
}

export interface Watcher {
  readonly send: (text: string) => void;
  /** The last event that it has seen; null: it wants none from before. */
  readonly lastEventId: string | null;
}

export interface LiveFeedOptions {
  readonly engine: Engine;
  readonly config: Config;
  readonly version: string;
  readonly system: System;
  readonly jobs: Jobs;
  readonly status: StatusReader;
  readonly expected: ExpectedServers;
}

const entriesMax = 2_000;

interface FeedState {
  readonly watchers: Set<Watcher>;
  entries: ActivityEntry[];
  lastId: number;
  ids: ReadonlyMap<string, string>;
  lastStatus: string;
  lastStatusMs: number;
  cancelTick: (() => void) | null;
  cancelKeepAlive: (() => void) | null;
  cancelLearning: (() => void) | null;
  isClosed: boolean;
}

export function createLiveFeed(options: LiveFeedOptions): LiveFeed {
  const { engine, jobs, system } = options;
  const state: FeedState = {
    watchers: new Set(),
    entries: [],
    lastId: 0,
    ids: new Map(),
    lastStatus: '',
    lastStatusMs: -Infinity,
    cancelTick: null,
    cancelKeepAlive: null,
    cancelLearning: null,
    isClosed: false,
  };
  const add = (event: Parameters<Parameters<Engine['onActivity']>[0]>[0]): void => {
    state.lastId += 1;
    const entry = activityEntry(event, String(state.lastId), (name) => state.ids.get(name) ?? null);
    state.entries.push(entry);
    if (isNameless(entry)) learnSoon(options, state);
    if (state.entries.length > entriesMax * 2) state.entries = state.entries.slice(-entriesMax);
    if (state.watchers.size > 0) tellAll(state, eventText('activity', entry, entry.id));
  };
  for (const event of engine.activity(entriesMax)) add(event);
  const forgetActivity = engine.onActivity(add);
  const forgetJobs = jobs.onChange((job) => {
    if (state.watchers.size > 0) tellAll(state, eventText('job', job));
  });
  void learnNames(options, state);
  return {
    get watchers() {
      return state.watchers.size;
    },
    entries: () => state.entries.toReversed(),
    watch(watcher) {
      if (state.watchers.size >= liveClientsMax)
        throw new SyncError('USYNC-1911', `${liveClientsMax} live connections are open already.`, {
          nextStep: 'Close pages that nobody looks at.',
        });
      greet(options, state, watcher);
      state.watchers.add(watcher);
      if (state.cancelTick === null) tick(options, state);
      if (state.cancelKeepAlive === null) keepAlive(system, state);
      return () => {
        state.watchers.delete(watcher);
        if (state.watchers.size === 0) rest(state);
      };
    },
    close() {
      state.isClosed = true;
      forgetActivity();
      forgetJobs();
      rest(state);
      state.cancelLearning?.();
      state.watchers.clear();
    },
  };
}

function greet({ config, version, system, jobs }: LiveFeedOptions, state: FeedState, watcher: Watcher): void {
  const hello = {
    server_id: state.ids.get(config.name) ?? '',
    server_name: config.name,
    version,
    timestamp: new Date(system.nowMs()).toISOString(),
  };
  watcher.send(`retry: 2000\n${eventText('hello', hello)}`);
  const since = Number(watcher.lastEventId ?? state.lastId);
  // An id that is not from this run tells nothing.
  for (const entry of since > state.lastId ? [] : state.entries)
    if (Number(entry.id) > since) watcher.send(eventText('activity', entry, entry.id));
  for (const job of jobs.list().filter(({ state: now }) => now === 'running')) watcher.send(eventText('job', job));
  if (state.lastStatus !== '') watcher.send(state.lastStatus);
}

function tellAll({ watchers }: FeedState, text: string): void {
  for (const { send } of watchers) send(text);
}

const eventText = (name: string, value: unknown, id?: string): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`;

function tick(options: LiveFeedOptions, state: FeedState): void {
  if (state.isClosed || state.watchers.size === 0) {
    state.cancelTick = null;
    return;
  }
  state.cancelTick = options.system.after(state.lastStatus === '' ? 0 : liveStatusMs, () => {
    void tellStatus(options, state).finally(() => tick(options, state));
  });
}

/** A status that cannot be read now is told of by the pause: the page shows how old its data is. */
async function tellStatus(options: LiveFeedOptions, state: FeedState): Promise<void> {
  const { system, status, config, expected } = options;
  try {
    const look = await status.readPatiently();
    const answer = statusAnswer(look, { config, expected: expected.list(), paused: options.engine.paused() });
    learn(state, answer);
    const text = eventText('status', answer);
    const isSame = withoutTimes(text) === withoutTimes(state.lastStatus);
    if (isSame && system.monotonicMs() - state.lastStatusMs < liveStatusAtLeastMs) return;
    state.lastStatus = text;
    state.lastStatusMs = system.monotonicMs();
    tellAll(state, text);
  } catch {
    state.lastStatus ||= ' ';
  }
}

/** What moves by itself is no news: the time of the answer, the last sign of life, round trips. */
const withoutTimes = (text: string): string =>
  text.replaceAll(/"(?:timestamp|last_ping|proven_at)":"[^"]*"|"(?:round_trip_ms|clock_offset_ms)":-?[\d.]+/g, '');

async function learnNames({ status, config, expected, engine }: LiveFeedOptions, state: FeedState): Promise<void> {
  try {
    const look = await status.read();
    learn(state, statusAnswer(look, { config, expected: expected.list(), paused: engine.paused() }));
  } catch {
    // Learnt at the next look.
  }
}

/** Nobody may be watching, and strangers may be refused all the time: now and then, not at each event. */
function learnSoon(options: LiveFeedOptions, state: FeedState): void {
  if (state.isClosed) return;
  state.cancelLearning ??= options.system.after(liveNamesMs, () => {
    state.cancelLearning = null;
    void learnNames(options, state);
  });
}

/** An event of a server names it as people do; one that came before its id was known gets it afterwards. */
function learn(state: FeedState, { servers, server }: Status): void {
  state.ids = new Map([...servers.map(({ name, id }) => [name, id] as const), [server.name, server.id]]);
  state.entries = state.entries.map((entry) =>
    isNameless(entry) ? { ...entry, server_id: state.ids.get(entry.server_name ?? '') ?? null } : entry,
  );
}

const isNameless = ({ server_id, server_name }: ActivityEntry): boolean => server_id === null && server_name !== null;

function keepAlive(system: System, state: FeedState): void {
  state.cancelKeepAlive = system.after(liveKeepAliveMs, () => {
    tellAll(state, ': still here\n\n');
    keepAlive(system, state);
  });
}

function rest(state: FeedState): void {
  state.cancelTick?.();
  state.cancelKeepAlive?.();
  [state.cancelTick, state.cancelKeepAlive, state.lastStatus] = [null, null, ''];
}
