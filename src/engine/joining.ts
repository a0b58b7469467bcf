/** Joining the group of an invite code: the real thing, and the look before it that changes nothing. */
import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { serverIdOfFingerprint } from '../protocol/server-id.js';
import type { AdoptionPreview, Replica } from '../databases/replica.js';
import { sleep } from '../system/sleep.js';
import type { Channel } from '../transports/transport.js';
import { dialAny } from './dialer.js';
import type { JoinDatasetReport, JoinOptions, JoinReport } from './engine.js';
import { tellWork, workOf } from './dataset-work.js';
import { joinSilenceMs } from './engine-limits.js';
import type { EngineNetwork } from './engine-network.js';
import type { EngineGround } from './engine-parts.js';
import { isRemoved } from './gather-status.js';
import { bindingOf } from './invites.js';
import { createPairingProof, readInviteCode, type InviteContent } from './pairing.js';
import type { WorkProgress } from './work-progress.js';
import { runSession, type RunningSession } from './session-runner.js';

export interface JoinPlace {
  readonly ground: EngineGround;
  readonly network: EngineNetwork;
}

interface JoinRun extends JoinPlace {
  readonly options: JoinOptions;
  readonly invite: InviteContent;
  readonly signal: AbortSignal;
}

export async function joinGroup(place: JoinPlace, options: JoinOptions): Promise<JoinReport> {
  const { ground } = place;
  const invite = readInviteCode(options.code, ground.adapters.system.nowMs());
  if (invite.fingerprint === ground.self.fingerprint)
    throw new SyncError('USYNC-1400', 'The code was made by this very server.', {
      nextStep: 'Use it on the server that is to join.',
    });
  const run: JoinRun = { ...place, options, invite, signal: options.signal ?? new AbortController().signal };
  if (options.isDryRun === true) return preview(run);
  if (isMemberWith(run) && (await isKnownThere(run))) return finishMember(run);
  refuseSecondGroup(run);
  if (ground.joins.isRunning) throw new SyncError('USYNC-1410', `${ground.self.name} is joining a group already.`);
  ground.joins.isRunning = true;
  try {
    return await join(run);
  } catch (error) {
    // What a cut-off attempt failed with says nothing: it was cut off.
    throw run.signal.aborted ? cancelled(error) : error;
  } finally {
    ground.joins.isRunning = false;
    place.network.follow();
    if (options.signal?.aborted) tell(run, 'Cancelled.');
  }
}

/** In one group with who invited: then joining is over, or was before, as where the data needed a choice. */
const isMemberWith = ({ ground, invite }: JoinRun): boolean =>
  ground.group.membership === 'member' &&
  !isRemoved(ground) &&
  ground.group.byFingerprint(invite.fingerprint)?.state === 'member';

/** Whether the inviting server counts this one in as well: it may have been removed while it was away. */
async function isKnownThere(run: JoinRun): Promise<boolean> {
  const { network, invite } = run;
  const quiet = quietGuard(run);
  const id = serverIdOfFingerprint(invite.fingerprint);
  for (;;) {
    if (network.links.get(id) !== null) return true;
    if (isTurnedAway(run)) return false;
    quiet('', 'The inviting server is not reached.');
    await pause(run);
  }
}

const isTurnedAway = ({ ground, invite }: JoinRun): boolean =>
  isRemoved(ground) || ground.ledger.of(serverIdOfFingerprint(invite.fingerprint)).refusal?.code === 'USYNC-1402';

function refuseSecondGroup(run: JoinRun): void {
  const { group, self } = run.ground;
  const others = group.servers().filter(({ id, state }) => id !== self.id && state !== 'removed');
  if (group.membership !== 'member' || others.length === 0 || isTurnedAway(run)) return;
  throw new SyncError(
    'USYNC-1403',
    `This server already shares data with ${others.map(({ name }) => name).join(', ')}.`,
  );
}

/** It once made a code that nobody used: its rows are nobody else's, and are compared with the group's as a new server's are. */
const isLoneFounder = ({ group, self }: EngineGround): boolean =>
  group.membership === 'member' && group.servers().every(({ id }) => id === self.id);

async function join(run: JoinRun): Promise<JoinReport> {
  const { ground, network, invite } = run;
  for (const runner of ground.runners.values()) setChoice(run, runner.name);
  tell(run, 'Connecting with the server that made the code.');
  // First a look whether it can be reached at all: only then the own list is put aside.
  (await dialInviter(run)).channel.close('');
  let session: RunningSession | null = null;
  try {
    if (isLoneFounder(ground)) for (const runner of ground.runners.values()) await runner.becomeFresh();
    const inviter = { name: 'the inviting server', ...placeOf(invite), members: [] };
    await ground.group.beginJoin({ inviter, mayBegin: () => refuseSecondGroup(run) });
    const { channel, address } = await dialInviter(run);
    const pairing = proofFor(run, channel);
    ({ session } = network.starter.start({ channel, isOutgoing: true, address, pairing }));
    const isIn = await untilLetIn(run, session);
    const invitedBy = session.status().peer?.name ?? 'the inviting server';
    if (!isIn) return { state: 'pending', wasMember: false, invitedBy, datasets: [] };
    tell(run, `Let in by ${invitedBy}; taking the data.`);
    return { state: 'joined', wasMember: false, invitedBy, datasets: await untilLanded(run) };
  } catch (error) {
    if (ground.group.membership === 'joining') await giveUp(run, session);
    throw error;
  }
}

/** Nothing of the group may come in any more, before this server is alone again. */
async function giveUp({ ground }: JoinRun, session: RunningSession | null): Promise<void> {
  session?.close('', 'Joining was given up.');
  await session?.closed;
  await ground.group.cancelJoin();
}

async function finishMember(run: JoinRun): Promise<JoinReport> {
  const { ground, network, invite } = run;
  for (const runner of ground.runners.values()) {
    setChoice(run, runner.name);
    for (const { session } of network.links.all()) session.resume(runner.name);
  }
  const invitedBy = ground.group.byFingerprint(invite.fingerprint)?.name ?? 'the inviting server';
  return { state: 'joined', wasMember: true, invitedBy, datasets: await untilLanded(run) };
}

function setChoice({ network, options }: JoinRun, dataset: string): void {
  if (options.choice === undefined) {
    // Both sides may have changed since it was unclear: it is measured again.
    network.choices.delete(dataset);
    network.previews.delete(dataset);
  } else network.choices.set(dataset, options.choice);
}

const tell = ({ options }: JoinRun, text: string, measured = noMeasure): void =>
  options.onProgress?.({ text, ...measured });

type Measure = Omit<WorkProgress, 'text'>;
const noMeasure: Measure = { done: 0, total: null, unit: 'bytes' };

const placeOf = ({ fingerprint, addresses }: InviteContent) => ({ fingerprint, addresses });

/** Who dials by hand is not dialled for again: the text of what is tried by itself would be wrong. */
async function dialInviter({ ground, invite, signal }: JoinRun): Promise<{ channel: Channel; address: string }> {
  try {
    return await dialAny(ground, { name: 'the inviting server', ...placeOf(invite) }, signal);
  } catch (error) {
    if (errorCodeOf(error) !== 'USYNC-1501') throw error;
    throw new SyncError('USYNC-1501', errorMessageOf(error), {
      nextStep: `Check that the inviting server runs, and that it can be reached from here at ${invite.addresses.join(' or ')}. Nothing was changed here; join again with the same code.`,
      cause: error,
    });
  }
}

const proofFor = ({ ground, invite }: JoinRun, channel: Channel) =>
  createPairingProof(invite.secret, {
    binding: bindingOf(channel),
    joiner: ground.self.fingerprint,
    inviter: invite.fingerprint,
  });

/** True when this server is a member; false when a person must approve it first. */
async function untilLetIn(run: JoinRun, session: RunningSession): Promise<boolean> {
  const ended = endOf(session);
  const quiet = quietGuard(run);
  while (!isMemberWith(run)) {
    const status = session.status();
    if (status.peerWaits !== null) return false;
    if (ended.end !== null) throw failureOf(ended.end);
    quiet(String(status.bytesIn), 'The inviting server does not answer.');
    await pause(run);
  }
  return true;
}

function endOf(session: RunningSession): { end: { code: string; reason: string } | null } {
  const box: { end: { code: string; reason: string } | null } = { end: null };
  void session.closed.then((end) => (box.end = end));
  return box;
}

function failureOf({ code, reason }: { code: string; reason: string }): SyncError {
  const known = code in errorCatalogue ? (code as ErrorCode) : 'USYNC-1505';
  return new SyncError(known, reason);
}

/** Waits for the data of each dataset that the group carries; told in words, and in rows while a database works. */
async function untilLanded(run: JoinRun): Promise<readonly JoinDatasetReport[]> {
  const { ground, network, options } = run;
  // A database that is busy answers late: how far it is must be told meanwhile.
  const end = tellWork(ground, network, (work) => options.onProgress?.(work));
  try {
    await untilNoneIsFresh(run);
  } finally {
    end();
  }
  return [...ground.runners.keys()].map((dataset) => ({ dataset, preview: network.previews.get(dataset) ?? null }));
}

async function untilNoneIsFresh(run: JoinRun): Promise<void> {
  const { ground, network } = run;
  const quiet = quietGuard(run);
  let told = '';
  for (;;) {
    const fresh = await freshDatasets(ground);
    if (fresh.length === 0) return;
    refuseUndecided(run, fresh);
    const state = progressText(network, fresh);
    const works = fresh.map((dataset) => workOf(ground, network.links, dataset)?.done ?? '').join(' ');
    if (state !== told && state !== '' && works.trim() === '') tell(run, state, measureOf(network, fresh));
    told = state;
    quiet(`${state} ${works}`, `The data of ${fresh.join(', ')} does not arrive.`);
    await pause(run);
  }
}

async function freshDatasets({ runners }: EngineGround): Promise<string[]> {
  const fresh: string[] = [];
  for (const [name, runner] of runners) {
    if (!runner.facts.isOpen) throw notOpen(name, runner.facts.lastFailure?.text);
    const { isFresh, isLanding } = await runner.replica.position();
    if (isFresh || isLanding) fresh.push(name);
  }
  return fresh;
}

const notOpen = (dataset: string, why = 'it is being opened'): SyncError =>
  new SyncError('USYNC-1002', `Dataset ${dataset} is not open: ${why}.`, { nextStep: 'See "usync status".' });

function refuseUndecided({ network }: JoinRun, fresh: readonly string[]): void {
  for (const { session } of network.links.all())
    for (const { dataset, pausedCode } of session.status().datasets)
      if (pausedCode === 'USYNC-1406' && fresh.includes(dataset))
        throw new SyncError(
          'USYNC-1406',
          `It is unclear whether the rows of ${dataset} here and in the group with equal keys are the same rows.`,
        );
}

function progressText({ links }: EngineNetwork, fresh: readonly string[]): string {
  const states = links
    .all()
    .flatMap(({ session }) => session.status().datasets)
    .filter(({ dataset }) => fresh.includes(dataset));
  return states.map(({ dataset, state }) => `${dataset}: ${state}`).join('; ');
}

/** Bytes of the snapshots on their way; how many there will be nobody knows before. */
function measureOf({ links }: EngineNetwork, fresh: readonly string[]): Measure {
  const bytes = links
    .all()
    .flatMap(({ session }) => session.status().datasets)
    .filter(({ dataset }) => fresh.includes(dataset))
    .reduce((sum, { snapshotIn }) => sum + (snapshotIn?.bytes ?? 0), 0);
  return { ...noMeasure, done: bytes };
}

/** Throws when nothing changed for too long. A server that was let in goes on in the background. */
function quietGuard({ ground }: JoinRun): (sign: string, what: string) => void {
  const { system } = ground.adapters;
  let last = '';
  let sinceMs = system.monotonicMs();
  return (sign, what) => {
    if (sign !== last) [last, sinceMs] = [sign, system.monotonicMs()];
    if (system.monotonicMs() - sinceMs > joinSilenceMs)
      throw new SyncError('USYNC-1501', what, { nextStep: nextStepOf(ground) });
  };
}

const nextStepOf = ({ group }: EngineGround): string =>
  group.membership === 'member'
    ? 'See "usync status"; it is tried again by itself.'
    : 'Nothing was changed here: look at "usync status" on the inviting server, then join again.';

async function pause({ ground, signal }: JoinRun): Promise<void> {
  await sleep(ground.adapters.system, 50, signal);
  if (signal.aborted) throw cancelled();
}

const cancelled = (cause?: unknown): SyncError => new SyncError('USYNC-1002', 'Joining was cancelled.', { cause });

/** The look before: fetches the group's state, compares it with the rows here, and forgets it. */
async function preview(run: JoinRun): Promise<JoinReport> {
  const { ground } = run;
  const found = new Map<string, AdoptionPreview>();
  const replicas = new Map<string, Replica>();
  for (const [name, runner] of ground.runners)
    if (isLoneFounder(ground)) replicas.set(name, asFresh(readOnly(runner.replica)));
    else if ((await runner.replica.position()).isFresh) replicas.set(name, readOnly(runner.replica));
  const { channel } = await dialInviter(run);
  const session = runSession({
    channel,
    replicas,
    system: ground.adapters.system,
    observe: () => undefined,
    identity: {
      server: ground.self.id,
      name: ground.self.name,
      bootNonce: ground.bootNonce,
      pairing: proofFor(run, channel),
    },
    hooks: {
      decide: () => ({ kind: 'accepted' }),
      chooseAdoption: (dataset, result) => {
        found.set(dataset, result);
        return Promise.resolve(null);
      },
    },
  });
  try {
    await untilPreviewed(run, { session, found, wanted: [...replicas.keys()] });
    const invitedBy = session.status().peer?.name ?? 'the inviting server';
    const datasets = [...ground.runners.keys()].map((dataset) => ({ dataset, preview: found.get(dataset) ?? null }));
    return { state: 'previewed', wasMember: false, invitedBy, datasets };
  } finally {
    session.close('', 'The look is over.');
    await session.closed;
  }
}

interface Preview {
  readonly session: RunningSession;
  readonly found: ReadonlyMap<string, AdoptionPreview>;
  readonly wanted: readonly string[];
}

async function untilPreviewed(run: JoinRun, { session, found, wanted }: Preview): Promise<void> {
  const ended = endOf(session);
  const quiet = quietGuard(run);
  for (;;) {
    const { stage, peer, bytesIn, datasets } = session.status();
    const missing = wanted.filter((dataset) => peer?.datasets.includes(dataset) === true && !found.has(dataset));
    if (stage === 'open' && missing.length === 0) return;
    if (ended.end !== null) throw failureOf(ended.end);
    const paused = datasets.find(({ dataset, pausedCode }) => missing.includes(dataset) && pausedCode !== null);
    if (paused)
      throw new SyncError(
        (paused.pausedCode ?? 'USYNC-1000') as ErrorCode,
        `${paused.dataset}: ${paused.state.replace(/\.$/, '')}.`,
      );
    quiet(String(bytesIn), 'The inviting server does not answer.');
    await pause(run);
  }
}

/** A look must not found, capture or merge anything. */
const readOnly = (replica: Replica): Replica => ({
  ...replica,
  drain: refuse,
  merge: refuse,
  newEpoch: refuse,
  cutBranch: refuse,
});

/** As it will be when it joins. */
const asFresh = (replica: Replica): Replica => ({
  ...replica,
  position: async () => ({ ...(await replica.position()), vector: new Map(), tail: new Map(), isFresh: true }),
});

const refuse = (): Promise<never> =>
  Promise.reject(new SyncError('USYNC-1406', 'Nothing is changed while looking at what joining would do.'));
