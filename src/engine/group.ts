/**
 * The group of servers as this server knows it. The list itself is the dataset `_servers`, a small database in the data
 * folder; beside it stands what must not travel: whether this server is alone, joining, or a member. Changes of that are
 * made one after the other: to found, to join and to take in a new list each end before the next begins.
 */
import type { ServerId } from '../core/origin.js';
import { SyncError } from '../core/sync-error.js';
import type { ListedDecision, ListedServer, ServerChanges, ServerList } from '../databases/server-list.js';
import type { DataFiles } from '../system/data-files.js';
import { createLane } from '../system/lane.js';
import type { DatasetRunner } from './dataset-runner.js';
import { writeBackMs, serversDataset, serversFile } from './engine-limits.js';
import {
  readGroupState,
  removeGroupState,
  writeGroupState,
  type Inviter,
  type StoredGroupState,
} from './group-state-file.js';

export interface Group {
  readonly membership: Membership;
  /** The server that was asked to let this one in; null unless joining. */
  readonly inviter: Inviter | null;
  /** The dataset of the list; null while alone. */
  readonly runner: DatasetRunner | null;
  servers(): readonly ListedServer[];
  /** The other members. */
  peers(): readonly ListedServer[];
  byFingerprint(fingerprint: string): ListedServer | null;
  /** Goes on where the last run ended. */
  open(): Promise<void>;
  /**
   * Makes this server the first member of a new group, with the rows that are here, or finishes what a failure left of
   * that. Does nothing when it is in one. Throws `USYNC-1405` while it joins another.
   */
  found(): Promise<void>;
  /** Puts the own list aside for the one of the inviter's group. */
  beginJoin(begin: BeginJoin): Promise<void>;
  /** Whom the inviter names as members, while this server waits for their approval. Survives a restart. */
  noteMembers(fingerprints: readonly string[]): Promise<void>;
  /** Back to being alone, after the group did not let this server in. */
  cancelJoin(): Promise<void>;
  /** Lists a server; where it was listed before, its newer facts. Who added it first, and when, stays. */
  enlist(server: ListedServer): void;
  /** Writes these facts of a server and no others. */
  change(id: ServerId, changes: ServerChanges): void;
  /** What people decided about conflicts, by dataset and id (`decisionKey`). While alone they last as long as the engine. */
  decisions(): ReadonlyMap<string, ListedDecision>;
  decide(decision: ListedDecision): void;
  /** What this server is, told once at its start: from now on its row says so. Finishes a founding that was cut off. */
  takeSelf(own: OwnRow): Promise<void>;
  /** A copy of this server was seen: what its row says may be the copy's. */
  noteCopy(): void;
  readonly isCopySeen: boolean;
  /** Looks at the list again; listeners are told when it changed. */
  reread(): Promise<void>;
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

export type Membership = 'alone' | 'joining' | 'pending' | 'member' | 'removed';

export interface BeginJoin {
  readonly inviter: Inviter;
  /** Asked when everything before is done, so that its answer holds: throws when this server may not join. */
  readonly mayBegin: () => void;
}

export interface OwnRow {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly datasets: readonly string[];
}

export interface GroupOptions {
  readonly self: { readonly id: ServerId; readonly fingerprint: string };
  readonly files: DataFiles;
  readonly nowMs: () => number;
  readonly openServerList: (path: string) => ServerList;
  readonly createRunner: (path: string) => Promise<DatasetRunner>;
  /** What is in the datasets here becomes the beginning of the group's. */
  readonly foundDatasets: () => Promise<void>;
  /** Forgets what was remembered of an earlier list. */
  readonly forgetWitness: () => Promise<void>;
}

interface GroupState {
  stored: StoredGroupState | null;
  /** Null before it is told. */
  own: OwnRow | null;
  list: ServerList | null;
  runner: DatasetRunner | null;
  servers: readonly ListedServer[];
  decisions: Map<string, ListedDecision>;
  shown: string;
  isClosed: boolean;
  isCopySeen: boolean;
  /** When this server last wrote back its row. */
  writtenBackMs: number;
  readonly listeners: Set<() => void>;
}

export function createGroup(options: GroupOptions): Group {
  const state: GroupState = {
    stored: null,
    own: null,
    list: null,
    runner: null,
    servers: [],
    decisions: new Map(),
    shown: '',
    isClosed: false,
    isCopySeen: false,
    writtenBackMs: 0,
    listeners: new Set(),
  };
  const { self } = options;
  const lane = createLane();
  const inLane = (work: () => Promise<void>): Promise<void> =>
    lane(() => {
      if (!state.isClosed) return work();
      throw new SyncError('USYNC-1002', 'The list of servers is closed.');
    });
  return {
    get membership() {
      return membershipOf(state, self.id);
    },
    get inviter() {
      return state.stored?.state === 'joining' ? state.stored.inviter : null;
    },
    get runner() {
      return state.runner;
    },
    servers: () => state.servers,
    peers: () => state.servers.filter((server) => server.id !== self.id && server.state === 'member'),
    byFingerprint: (fingerprint) => state.servers.find((server) => server.fingerprint === fingerprint) ?? null,
    open: () => inLane(() => open(options, state)),
    found: () => inLane(() => found(options, state)),
    beginJoin: (begin) => inLane(() => beginJoin(options, state, begin)),
    noteMembers: (members) => lane(async () => (state.isClosed ? undefined : noteMembers(options, state, members))),
    cancelJoin: () => inLane(() => cancelJoin(options, state)),
    enlist(server) {
      const { id, addedBy: _by, addedAtMs: _at, ...facts } = server;
      state.list?.add(server);
      change(state, id, facts);
    },
    change: (id, changes) => change(state, id, changes),
    decisions: () => state.decisions,
    decide(decision) {
      state.list?.putDecision(decision);
      state.decisions.set(decisionKey(decision), decision);
      state.runner?.wake();
    },
    takeSelf: (own) => inLane(() => takeSelf(options, state, own)),
    noteCopy: () => {
      state.isCopySeen = true;
    },
    get isCopySeen() {
      return state.isCopySeen;
    },
    reread: () => lane(async () => (state.isClosed ? undefined : reread(options, state))),
    onChange: (listener) => void state.listeners.add(listener),
    close: () =>
      lane(async () => {
        state.isClosed = true;
        await state.runner?.stop();
        state.list?.close();
        state.list = null;
      }),
  };
}

function membershipOf({ stored, servers }: GroupState, self: ServerId): Membership {
  if (stored === null) return 'alone';
  const own = servers.find((server) => server.id === self);
  if (stored.state === 'joining') return own?.state === 'pending' ? 'pending' : 'joining';
  return own?.state === 'removed' ? 'removed' : 'member';
}

async function open(options: GroupOptions, state: GroupState): Promise<void> {
  state.stored = await readGroupState(options.files);
  if (state.stored === null) return;
  await openList(options, state);
  await reread(options, state);
}

/** A list that cannot be opened leaves nothing open, so that the next try begins anew. */
async function openList(options: GroupOptions, state: GroupState): Promise<void> {
  const path = options.files.path(serversFile);
  state.list?.close();
  state.list = options.openServerList(path);
  try {
    state.runner = await options.createRunner(path);
    await state.runner.start();
  } catch (error) {
    await closeList(state);
    throw error;
  }
  look(state);
}

async function closeList(state: GroupState): Promise<void> {
  const { runner, list } = state;
  [state.runner, state.list] = [null, null];
  await runner?.stop();
  list?.close();
}

async function takeSelf(options: GroupOptions, state: GroupState, own: OwnRow): Promise<void> {
  state.own = own;
  if (state.stored?.state === 'founding') await finishFounding(options, state);
  if (state.stored?.state === 'member') putOwnRow(options, state);
  await reread(options, state);
}

async function found(options: GroupOptions, state: GroupState): Promise<void> {
  if (state.stored?.state === 'joining')
    throw new SyncError('USYNC-1405', 'Only a member of a group can invite, and this server is joining one.');
  if (state.stored?.state === 'member') return;
  // Joining that was given up may have left a list of others behind.
  if (state.stored === null) await discardList(options);
  await store(options, state, { state: 'founding', inviter: null });
  if (state.runner === null) await openList(options, state);
  await finishFounding(options, state);
  await options.foundDatasets();
}

async function finishFounding(options: GroupOptions, state: GroupState): Promise<void> {
  putOwnRow(options, state);
  await state.runner?.found();
  await store(options, state, { state: 'member', inviter: null });
  look(state);
}

async function beginJoin(options: GroupOptions, state: GroupState, { inviter, mayBegin }: BeginJoin): Promise<void> {
  mayBegin();
  await closeList(state);
  state.servers = [];
  // A crash from here on begins again at the same point: the list is fetched anew.
  await store(options, state, { state: 'joining', inviter });
  await discardList(options);
  await openList(options, state);
}

async function noteMembers(options: GroupOptions, state: GroupState, members: readonly string[]): Promise<void> {
  const { stored } = state;
  if (stored?.state !== 'joining' || stored.inviter === null) return;
  if (JSON.stringify(stored.inviter.members) === JSON.stringify(members)) return;
  await store(options, state, { state: 'joining', inviter: { ...stored.inviter, members } });
}

async function discardList({ files, forgetWitness }: GroupOptions): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await files.remove(`${serversFile}${suffix}`);
  await forgetWitness();
}

async function cancelJoin({ files }: GroupOptions, state: GroupState): Promise<void> {
  if (state.stored?.state !== 'joining') return;
  await removeGroupState(files);
  state.stored = null;
  await closeList(state);
  look(state);
}

async function reread(options: GroupOptions, state: GroupState): Promise<void> {
  look(state);
  if (state.stored?.state === 'member' && isOverwritten(options, state)) {
    state.writtenBackMs = options.nowMs();
    putOwnRow(options, state);
    look(state);
  }
  const isListed = state.servers.some(({ id, state: own }) => id === options.self.id && own === 'member');
  if (state.stored?.state !== 'joining' || !isListed) return;
  await store(options, state, { state: 'member', inviter: null });
  putOwnRow(options, state);
  look(state);
  for (const listener of state.listeners) listener();
}

/**
 * Only a server itself names itself, so another name was written by a copy of it; its addresses others may set, and where a
 * copy was seen they are the copy's. Both are written back, not more often than the copy, which does the same, can be told of.
 */
function isOverwritten(
  { self, nowMs }: GroupOptions,
  { own, servers, isCopySeen, writtenBackMs }: GroupState,
): boolean {
  const listed = servers.find(({ id }) => id === self.id);
  if (own === null || listed?.state !== 'member') return false;
  const isMoved = isCopySeen && JSON.stringify(listed.addresses) !== JSON.stringify(own.addresses);
  return (listed.name !== own.name || isMoved) && Math.abs(nowMs() - writtenBackMs) >= writeBackMs;
}

/** What others decide about this server, such as its removal, is never written from here. */
function putOwnRow({ self, nowMs }: GroupOptions, { list, runner, own }: GroupState): void {
  const { id, fingerprint } = self;
  if (own === null) return;
  if (list?.read().some((server) => server.id === id && server.state === 'removed')) return;
  list?.add({
    id,
    fingerprint,
    ...own,
    state: 'member',
    addedBy: id,
    addedAtMs: nowMs(),
    removedBy: null,
    removedAtMs: null,
  });
  list?.change(id, { fingerprint, ...own });
  runner?.wake();
}

function change(state: GroupState, id: ServerId, changes: ServerChanges): void {
  state.list?.change(id, changes);
  state.runner?.wake();
  look(state);
}

function look(state: GroupState): void {
  state.servers = state.list?.read() ?? [];
  if (state.list) state.decisions = new Map(state.list.readDecisions().map((each) => [decisionKey(each), each]));
  const shown = JSON.stringify([state.servers, [...state.decisions.values()]]);
  if (shown === state.shown) return;
  state.shown = shown;
  for (const listener of state.listeners) listener();
}

export const decisionKey = ({ dataset, id }: Pick<ListedDecision, 'dataset' | 'id'>): string => `${dataset}/${id}`;

async function store({ files }: GroupOptions, state: GroupState, stored: StoredGroupState): Promise<void> {
  await writeGroupState(files, stored);
  state.stored = stored;
}

/** The settings under which the list is replicated as any other database. */
export const serversConfig = (path: string) =>
  ({ name: serversDataset, sqlite: path, landing: 'whole', polite: false, tables: {} }) as const;
