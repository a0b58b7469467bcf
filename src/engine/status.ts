/**
 * From facts to what is shown. Pure. Green needs the proof: equal digests at equal vectors, at the vector that this
 * replica has now; every other state names its reason and the next step.
 */
import { serverIdOfOrigin, type ServerId } from '../core/origin.js';
import { clockDriftMaxMs, msOfStamp } from '../core/stamp.js';
import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import type { Problem } from '../observe/problem.js';
import { clockOffsetMsMax, epochToldMs, provenEpochToldMs, twinForgetMs, unansweredToldMs } from './engine-limits.js';
import type { DatasetStatus, EngineStatus, PeerStatus, SyncState } from './engine-status.js';
import { ageText, capital, headline } from './headline.js';
import { datasetWork } from './dataset-work.js';
import { carries, isProvenNow, peerStatus, sessionOf } from './peer-status.js';
import type { DatasetInput, PeerInput, StatusFacts } from './status-facts.js';
import type { DatasetSessionStatus } from '../protocol/session-status.js';

export function engineStatus(facts: StatusFacts): EngineStatus {
  const all = facts.datasets.map((dataset) => ({ input: dataset, status: datasetStatus(dataset, facts) }));
  const peers = facts.peers.map((peer) => peerStatus(peer, facts));
  const state = overallState(
    facts,
    all.map(({ status }) => status.state),
  );
  const datasets = all.filter(({ input }) => !input.isInternal).map(({ status }) => status);
  const problems = problemsOf(facts, datasets, peers);
  const status = {
    server: facts.server,
    state,
    isInSync: state === 'in-sync',
    datasets,
    peers,
    problems,
    atMs: facts.nowMs,
  };
  return { ...status, headline: headline(status, facts.inviterName) };
}

/** The worst first. */
const stateOrder: readonly SyncState[] = [
  'stopping',
  'starting',
  'degraded',
  'catching-up',
  'waiting',
  'alone',
  'in-sync',
];

function overallState({ phase, server, peers, datasets }: StatusFacts, states: readonly SyncState[]): SyncState {
  if (phase !== 'running') return phase;
  if (server.membership === 'removed') return 'degraded';
  if (server.membership === 'pending') return 'waiting';
  if (states.includes('degraded')) return 'degraded';
  if (server.membership === 'alone' || (server.membership === 'member' && peers.length === 0)) return 'alone';
  // The list of servers alone is no data: where nobody else carries a dataset, nothing is in sync.
  const own = states.filter((_, index) => datasets[index]?.isInternal === false);
  if (own.length > 0 && own.every((state) => state === 'alone')) return 'alone';
  const carried = states.filter((_, index) => states[index] !== 'alone' || datasets[index]?.isInternal === true);
  return stateOrder.find((state) => carried.includes(state)) ?? 'alone';
}

function datasetStatus(dataset: DatasetInput, facts: StatusFacts): DatasetStatus {
  const { config, facts: own, look, counters } = dataset;
  const carriers = facts.peers.filter((peer) => peer.listed.state === 'member' && carries(peer, config.name));
  const proofs = carriers.map(
    (peer) => (sessionOf(peer, config.name)?.proof ?? peer.proofByDataset.get(config.name))?.atMs ?? null,
  );
  const synced = look.tables.filter((table) => table.isSynced);
  return {
    name: config.name,
    state: datasetState(dataset, carriers, facts),
    isOpen: own.isOpen,
    databaseId: own.report?.databaseId ?? null,
    origin: look.position?.origin ?? own.report?.origin ?? null,
    journalMode: own.report?.journalMode ?? null,
    tables: synced.length,
    rows: synced.reduce((sum, table) => sum + table.rows, 0),
    held: look.proof?.held ?? 0,
    folder: look.folder,
    keyless: synced.flatMap(({ name, keyless }) => (keyless > 0 ? [{ table: name, rows: keyless }] : [])),
    refused: look.tables.flatMap(({ name, isRefused, remark }) => (isRefused ? [{ table: name, reason: remark }] : [])),
    leftOut: look.proof?.leftOut ?? [],
    notCompared: [...new Set(carriers.flatMap((peer) => sessionOf(peer, config.name)?.notCompared ?? []))].toSorted(),
    journalBytes: look.position?.journalBytes ?? 0,
    journalSinceMs: look.position?.journalSinceMs ?? null,
    epochChange: own.epochChange && { atMs: own.epochChange.atMs, reason: own.epochChange.reason },
    isLanding: look.position?.isLanding ?? false,
    work: datasetWork({
      dataset: config.name,
      work: own.work,
      announced: carriers.map((peer) => sessionOf(peer, config.name)?.snapshotIn?.rows).find((rows) => rows) ?? null,
      nowMs: facts.monotonicMs,
    }),
    unansweredMs: look.unansweredMs,
    isFresh: look.position?.isFresh ?? true,
    capturedChangesets: counters.capturedChangesets,
    mergedChangesets: counters.mergedChangesets,
    lastCaptureMs: counters.lastCaptureMs,
    lastMergeMs: counters.lastMergeMs,
    conflicts: dataset.openConflicts,
    quarantined: look.quarantined,
    selfTest: own.selfTest,
    lastAudit: own.lastAudit,
    provenAtMs: proofs.length === 0 || proofs.includes(null) ? null : Math.min(...proofs.map((atMs) => atMs ?? 0)),
  };
}

function datasetState(dataset: DatasetInput, carriers: readonly PeerInput[], facts: StatusFacts): SyncState {
  const { config, facts: own, look } = dataset;
  if (!own.isOpen || own.lastFailure !== null || own.selfTest.kind === 'failed') return 'degraded';
  if (look.folder !== null && look.folder.problem !== null) return 'degraded';
  if (facts.server.membership === 'alone') return 'alone';
  if (look.position?.isFresh === true) return 'catching-up';
  if (carriers.length === 0) return 'alone';
  // What the proof is of may have changed meanwhile.
  if (look.unansweredMs > 0) return 'catching-up';
  const linked = carriers.map((peer) => sessionOf(peer, config.name));
  if (linked.some((session) => session?.kind === 'differs' || session?.kind === 'paused')) return 'degraded';
  const vector = look.position?.vector ?? null;
  if (linked.some((session) => session !== null && !isProvenNow(session, vector))) return 'catching-up';
  if (isPlacing(look, linked)) return 'catching-up';
  return linked.includes(null) ? 'waiting' : 'in-sync';
}

/** Files that are not on disk yet, here or at a peer that is connected: the rows are the same, the folders are not. */
const isPlacing = ({ folder }: DatasetInput['look'], linked: readonly (DatasetSessionStatus | null)[]): boolean =>
  folder !== null && (folder.pending > 0 || linked.some((session) => (session?.peerHeld ?? 0) > 0));

function problemsOf(
  facts: StatusFacts,
  datasets: readonly DatasetStatus[],
  peers: readonly PeerStatus[],
): readonly Problem[] {
  const derived = [
    ...membershipProblems(facts),
    ...facts.datasets.flatMap((dataset) => datasetProblems(dataset, facts)),
    ...facts.datasets.flatMap((dataset) => epochProblems(dataset, facts)),
    ...facts.datasets.flatMap((dataset) => folderProblems(dataset, facts)),
    ...datasets.flatMap((dataset) => heldProblems(dataset, facts)),
    ...datasets.flatMap((dataset) => columnProblems(dataset, facts)),
    ...datasets.flatMap((dataset) => uncapturedProblems(dataset, facts)),
    ...facts.peers.flatMap((peer) => peerProblems(peer, facts)),
    ...facts.peers.flatMap((peer) => pauseProblems(peer, facts)),
    ...peers.flatMap((peer) => clockProblems(peer, facts)),
    ...farStampProblems(facts),
  ];
  const told = new Set(facts.openProblems.map(({ code, subject }) => `${code} ${subject}`));
  const all = [...facts.openProblems, ...derived.filter(({ code, subject }) => !told.has(`${code} ${subject}`))];
  return all.toSorted((a, b) => (a.level === b.level ? a.sinceMs - b.sinceMs : a.level === 'error' ? -1 : 1));
}

interface Found {
  readonly code: ErrorCode;
  readonly subject: string;
  readonly reason: string;
  readonly level?: Problem['level'];
  readonly nextStep?: string;
  readonly sinceMs?: number;
  readonly count?: number;
}

const problem = (facts: StatusFacts, { code, subject, reason, ...rest }: Found): Problem => ({
  code,
  subject,
  reason,
  level: rest.level ?? 'error',
  nextStep: rest.nextStep ?? errorCatalogue[code].nextStep,
  sinceMs: rest.sinceMs ?? facts.nowMs,
  count: rest.count ?? 1,
});

function membershipProblems(facts: StatusFacts): Problem[] {
  const subject = `server ${facts.server.name}`;
  if (facts.server.membership === 'removed')
    return [problem(facts, { code: 'USYNC-1402', subject, reason: removalReason(facts) })];
  if (facts.server.membership === 'pending')
    return [
      problem(facts, {
        code: 'USYNC-1405',
        level: 'warn',
        subject,
        reason: 'A member of the group must approve this server.',
        nextStep: `Run "usync servers approve ${facts.server.name}" on a member: on the one that made the code, or on another one that can reach this server.`,
      }),
    ];
  return [];
}

function removalReason({ peers }: StatusFacts): string {
  const told = peers.find(({ refusal }) => refusal?.code === 'USYNC-1402');
  const says = told?.refusal
    ? `${told.listed.name} says: ${told.refusal.reason}`
    : 'This server was removed from its group.';
  return `${says} Its data stays here as it is; what is written here reaches nobody.`;
}

function datasetProblems({ config, facts: own, look }: DatasetInput, facts: StatusFacts): Problem[] {
  const subject = `dataset ${config.name}`;
  if (own.lastFailure !== null) {
    const code = own.lastFailure.code in errorCatalogue ? (own.lastFailure.code as ErrorCode) : 'USYNC-1000';
    return [problem(facts, { code, subject, reason: own.lastFailure.text })];
  }
  if (own.selfTest.kind === 'failed')
    return [problem(facts, { code: 'USYNC-1001', subject, reason: own.selfTest.reason, sinceMs: own.selfTest.atMs })];
  if (look.position?.isFresh === true && facts.server.membership !== 'alone') {
    // That somebody must choose is told by the session that asked.
    if (facts.peers.some((peer) => sessionOf(peer, config.name)?.pausedCode === 'USYNC-1406')) return [];
    return [
      problem(facts, {
        code: 'USYNC-1405',
        level: 'warn',
        subject,
        reason:
          "It waits for the group's data from a server that carries it, or to hear from every other server that none does.",
        nextStep:
          'Nothing to do while all servers are connected; else start them, or remove those that will not come back.',
      }),
    ];
  }
  if (look.unansweredMs > unansweredToldMs) {
    const reason = `It has not answered for ${ageText(look.unansweredMs)}; what is shown of it is as old.`;
    return [problem(facts, { code: 'USYNC-1212', level: 'warn', subject, reason })];
  }
  return [];
}

/** Nothing is wrong any more, but a person who restored a backup wants to know that it was understood. */
function epochProblems(dataset: DatasetInput, facts: StatusFacts): Problem[] {
  const { epochChange } = dataset.facts;
  if (dataset.isInternal || epochChange === null) return [];
  const { atMs } = epochChange;
  const provenAtMs = datasetStatus(dataset, facts).provenAtMs;
  const isProven = provenAtMs !== null && provenAtMs > atMs;
  if (facts.nowMs - atMs > (isProven ? provenEpochToldMs : epochToldMs)) return [];
  const since = isProven ? '; since then it was proven to be the same everywhere' : '';
  const reason = `${capital(epochChange.reason)}${since}.`;
  const subject = `dataset ${dataset.config.name}`;
  return [problem(facts, { code: 'USYNC-1600', level: 'warn', subject, reason, sinceMs: atMs })];
}

function folderProblems({ config, look }: DatasetInput, facts: StatusFacts): Problem[] {
  const { folder } = look;
  if (folder === null) return [];
  const subject = `dataset ${config.name}`;
  const found: Problem[] = [];
  if (folder.problem !== null) {
    const code = folder.problem.code in errorCatalogue ? (folder.problem.code as ErrorCode) : 'USYNC-1000';
    found.push(problem(facts, { code, subject, reason: folder.problem.text, nextStep: stepFor(code, config.name) }));
  }
  if (folder.waiting > 0) {
    const reason = `${folder.waiting} ${folder.waiting === 1 ? 'file or folder waits' : 'files or folders wait'} here; the others go on.`;
    const nextStep = stepFor('USYNC-1703', config.name);
    found.push(problem(facts, { code: 'USYNC-1703', level: 'warn', subject, reason, nextStep }));
  }
  if (folder.unwatched > 0) {
    const reason = `${folder.unwatched} ${folder.unwatched === 1 ? 'folder is' : 'folders are'} not watched: the system allows no more watches. Changes there are found by looking, twice a minute.`;
    found.push(problem(facts, { code: 'USYNC-1705', level: 'warn', subject, reason }));
  }
  return found;
}

/** A command that can be copied as it is. */
const stepFor = (code: ErrorCode, dataset: string): string =>
  errorCatalogue[code].nextStep.replaceAll(/\bDATASET\b/g, dataset);

function heldProblems({ name, held, quarantined, folder }: DatasetStatus, facts: StatusFacts): Problem[] {
  if (folder !== null) return [];
  const count = Math.max(held, quarantined);
  if (count === 0) return [];
  const reason = `${count} ${count === 1 ? 'row is' : 'rows are'} held back here; all else is the same.`;
  return [problem(facts, { code: 'USYNC-1301', level: 'warn', subject: `dataset ${name}`, reason })];
}

function columnProblems({ name, notCompared }: DatasetStatus, facts: StatusFacts): Problem[] {
  if (notCompared.length === 0) return [];
  const reason = `${notCompared.join(', ')}: another server has other tables, columns or unique constraints, so the rows cannot be compared.`;
  return [problem(facts, { code: 'USYNC-1303', level: 'warn', subject: `dataset ${name}`, reason })];
}

/** What stays on this server although nobody wished that. */
function uncapturedProblems({ name, keyless, refused }: DatasetStatus, facts: StatusFacts): Problem[] {
  const subject = `dataset ${name}`;
  const found: Problem[] = [];
  if (refused.length > 0) {
    const reason = `${refused.map(({ table, reason: why }) => `table ${table} is not synced: ${why}`).join('; ')}.`;
    const nextStep = 'Change the table, or leave it out in the configuration (tables: NAME: exclude: true).';
    found.push(problem(facts, { code: 'USYNC-1300', level: 'warn', subject, reason, nextStep }));
  }
  if (keyless.length > 0) {
    const rows = keyless.map(({ table, rows: count }) => `${count} ${count === 1 ? 'row' : 'rows'} of ${table}`);
    const reason = `${rows.join(', ')} with NULL in the key: on this server only.`;
    found.push(problem(facts, { code: 'USYNC-1304', level: 'warn', subject, reason }));
  }
  return found;
}

/** What the other side has stopped; a pause of this side is told by what stopped it, under the same subject. */
function pauseProblems(peer: PeerInput, facts: StatusFacts): Problem[] {
  const { name } = peer.listed;
  return facts.datasets.flatMap(({ config: { name: dataset } }) => {
    const session = sessionOf(peer, dataset);
    if (session?.kind !== 'paused') return [];
    const isKnown = session.pausedCode !== null && session.pausedCode in errorCatalogue;
    const code = isKnown ? (session.pausedCode as ErrorCode) : 'USYNC-1000';
    const nextStep =
      code === 'USYNC-1406'
        ? `Somebody must choose on ${name}: "usync join CODE --dry-run" shows the rows, then join with the same code and --same-rows or --distinct-rows.`
        : `Run "usync status" on ${name} too.`;
    return [
      problem(facts, {
        code,
        subject: `sync ${dataset} with ${name}`,
        reason: `${capital(session.state.replace(/\.$/, ''))}.`,
        nextStep,
      }),
    ];
  });
}

function peerProblems(peer: PeerInput, facts: StatusFacts): Problem[] {
  const subject = `server ${peer.listed.name}`;
  const found: Problem[] = [];
  if (peer.twinSeenAtMs !== null)
    found.push(
      problem(facts, {
        code: 'USYNC-1404',
        subject,
        reason: 'Two running servers use its identity.',
        sinceMs: peer.twinSeenAtMs,
      }),
    );
  const { refusal, failure } = peer;
  if (refusal?.code === 'USYNC-1404' && facts.nowMs - refusal.atMs < twinForgetMs)
    found.push(
      problem(facts, {
        code: 'USYNC-1404',
        subject: `server ${facts.server.name}`,
        reason: `${peer.listed.name} says: ${refusal.reason}`,
        sinceMs: refusal.atMs,
      }),
    );
  if (peer.session?.stage === 'open' || peer.listed.state !== 'member') return found;
  // That this server was removed is told once, not by each member that refuses it.
  if (refusal?.code === 'USYNC-1402' && facts.server.membership === 'removed') return found;
  if (refusal !== null && refusal.code !== 'USYNC-1404' && refusal.code in errorCatalogue)
    found.push(
      problem(facts, { code: refusal.code as ErrorCode, subject, reason: refusal.reason, sinceMs: refusal.atMs }),
    );
  else if (failure !== null)
    found.push(
      problem(facts, {
        code: failure.code,
        level: 'warn',
        subject,
        reason: failure.reason,
        nextStep: failure.nextStep,
        sinceMs: peer.sinceMs,
        count: failure.count,
      }),
    );
  return found;
}

function clockProblems({ name, clockOffsetMs }: PeerStatus, facts: StatusFacts): Problem[] {
  if (clockOffsetMs === null || Math.abs(clockOffsetMs) <= clockOffsetMsMax) return [];
  const reason = `Its clock is ${ageText(Math.abs(clockOffsetMs))} ${clockOffsetMs > 0 ? 'ahead of' : 'behind'} this one.`;
  return [problem(facts, { code: 'USYNC-1408', level: 'warn', subject: `server ${name}`, reason })];
}

/**
 * Who wrote while its clock was far ahead: known by its stamps, also when it is not connected to this server or has set
 * its clock right. Such writes win over later ones until the time that they carry has come.
 */
function farStampProblems(facts: StatusFacts): Problem[] {
  const aheadByServer = new Map<ServerId, number>();
  for (const { look } of facts.datasets) {
    for (const [origin, { stamp }] of look.position?.vector ?? []) {
      const server = serverIdOfOrigin(origin);
      const aheadMs = msOfStamp(stamp) - facts.nowMs;
      if (aheadMs > clockDriftMaxMs + clockOffsetMsMax && aheadMs > (aheadByServer.get(server) ?? 0))
        aheadByServer.set(server, aheadMs);
    }
  }
  return [...aheadByServer].map(([server, aheadMs]) => {
    const name = facts.peers.find(({ listed }) => listed.id === server)?.listed.name;
    const isOwn = server === facts.server.id;
    const subject = `server ${isOwn ? facts.server.name : (name ?? server)}`;
    const reason = `It wrote changes whose time is ${ageText(aheadMs)} ahead of this clock.`;
    return problem(facts, { code: 'USYNC-1408', level: 'warn', subject, reason });
  });
}
