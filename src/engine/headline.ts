import type { DatasetWork } from './dataset-work.js';
import type { EngineStatus } from './engine-status.js';

/** One sentence that answers "is everything in sync?"; never a bare percentage. */
export function headline(status: Omit<EngineStatus, 'headline'>, inviterName: string | null): string {
  const { state, server, peers, datasets } = status;
  const members = peers.filter(({ membership }) => membership === 'member');
  switch (state) {
    case 'starting':
      return 'Starting.';
    case 'stopping':
      return 'Stopping.';
    case 'alone':
      if (server.membership === 'alone')
        return 'This server is alone. Make a code with "usync invite", or join a group with "usync join CODE".';
      return peers.length === 0
        ? 'This server is the only member of its group. Make a code for the next one with "usync invite".'
        : `No other server carries ${onlyHere(status).join(', ')}: a dataset must have the same name on each.`;
    case 'in-sync':
      return inSyncText(status, members.length + 1);
    case 'waiting': {
      if (server.membership === 'pending')
        return `Waiting for approval by the group of ${inviterName ?? 'the inviter'}.`;
      const away = members.filter(({ connection }) => connection !== 'connected');
      const [first] = away;
      if (first === undefined) return 'Some servers are not connected.';
      const others = away.length > 1 ? ` and ${away.length - 1} more` : '';
      return `In sync with ${members.length - away.length} of ${members.length} servers; ${first.name}${others} not reached for ${ageText(status.atMs - first.sinceMs)}.`;
    }
    case 'catching-up': {
      const fresh = datasets.find(({ isFresh }) => isFresh);
      if (fresh?.work) return workText(fresh.work);
      if (fresh !== undefined) return `Taking the group's data of ${fresh.name}${progressOf(status, fresh.name)}.`;
      return catchingUp(status);
    }
    case 'degraded': {
      const [worst] = status.problems;
      return worst === undefined
        ? 'Something is wrong.'
        : `${capital(worst.subject)}: ${worst.reason} ${worst.nextStep}`;
    }
  }
}

/** What is not the same comes first: a sentence that begins with "all" is read no further. */
function inSyncText(status: Omit<EngineStatus, 'headline'>, servers: number): string {
  const exceptions = [notComparedText(status), refusedText(status), keylessText(status)].filter(
    (text) => text !== null,
  );
  const claim =
    exceptions.length === 0
      ? `All ${servers} servers hold the same data`
      : `Not all is the same: ${exceptions.join('; ')}. All else is the same on all ${servers} servers`;
  return `${claim}, proven ${proofAge(status)}${heldText(status)}${onlyHereText(status)}.`;
}

function catchingUp({ peers, datasets }: Omit<EngineStatus, 'headline'>): string {
  for (const peer of peers)
    for (const { dataset, state, pendingIn, pendingOut } of peer.datasets) {
      if (state !== 'catching-up') continue;
      if (pendingIn.origins > 0) return `Receiving ${dataset} from ${peer.name}${behindText(pendingIn.behindMs)}.`;
      if (pendingOut.origins > 0) return `Sending ${dataset} to ${peer.name}${behindText(pendingOut.behindMs)}.`;
      return `The same changes of ${dataset} are merged here and on ${peer.name}; the proof is on its way.`;
    }
  const busy = datasets.find(({ unansweredMs }) => unansweredMs > 0);
  if (busy?.work) return workText(busy.work);
  if (busy && busy.unansweredMs < momentMs) return `${capital(busy.name)} is busy for a moment.`;
  if (busy) return `${capital(busy.name)} is busy and has not answered for ${ageText(busy.unansweredMs)}.`;
  const placing = datasets.find(({ folder }) => folder !== null && folder.pending > 0);
  if (placing?.folder) {
    const { pending } = placing.folder;
    return `${pending} ${pending === 1 ? 'entry' : 'entries'} of ${placing.name} ${isOrAre(pending)} not on disk here yet; "usync files show ${placing.name}" says why.`;
  }
  const reading = datasets.find(({ folder }) => folder?.isReading === true);
  if (reading) return `What changed in ${reading.name} is being read.`;
  return 'The list of servers is on its way.';
}

/** So long a dataset may be busy without a word of how long. */
const momentMs = 2_000;

/** `Shop: writing the data of the group, 40 %, about 8 s left.` */
function workText({ text, done, total, secondsLeft }: DatasetWork): string {
  const share = total === null || total === 0 ? '' : `, ${Math.floor((done / total) * 100)} %`;
  const left = secondsLeft === null ? '' : `, about ${ageText(secondsLeft * 1_000)} left`;
  return `${capital(text.replace(/\.$/, ''))}${share}${left}.`;
}

const behindText = (behindMs: number | null): string =>
  behindMs === null || behindMs < 1_000 ? '' : `: changes of ${ageText(behindMs)} are on their way`;

function progressOf({ peers }: Omit<EngineStatus, 'headline'>, dataset: string): string {
  for (const peer of peers) {
    const reason = peer.datasets.find((each) => each.dataset === dataset && each.state === 'catching-up')?.reason;
    if (typeof reason === 'string') return ` from ${peer.name}: ${reason.replace(/\.+$/, '')}`;
  }
  return '';
}

function proofAge({ datasets, atMs }: Omit<EngineStatus, 'headline'>): string {
  const times = datasets.flatMap(({ provenAtMs }) => provenAtMs ?? []);
  if (times.length === 0) return 'now';
  const age = atMs - Math.min(...times);
  return age < 1_000 ? 'just now' : `${ageText(age)} ago`;
}

const onlyHere = ({ datasets }: Omit<EngineStatus, 'headline'>): string[] =>
  datasets.flatMap(({ name, state }) => (state === 'alone' ? [name] : []));

function onlyHereText(status: Omit<EngineStatus, 'headline'>): string {
  const names = onlyHere(status);
  return names.length === 0 ? '' : `; only this server carries ${names.join(', ')}`;
}

function heldText({ datasets }: Omit<EngineStatus, 'headline'>): string {
  const held = datasets.reduce(
    (sum, { held: rows, quarantined, folder }) => sum + (folder === null ? Math.max(rows, quarantined) : 0),
    0,
  );
  return held === 0 ? '' : `; ${held} ${held === 1 ? 'row' : 'rows'} ${isOrAre(held)} held here`;
}

/** Rows that nobody asked to keep apart; null when there are none. */
function keylessText({ datasets }: Omit<EngineStatus, 'headline'>): string | null {
  const count = datasets.flatMap(({ keyless }) => keyless).reduce((sum, { rows }) => sum + rows, 0);
  return count === 0
    ? null
    : `${count} ${count === 1 ? 'row' : 'rows'} with NULL in the key ${isOrAre(count)} only here`;
}

function refusedText({ datasets }: Omit<EngineStatus, 'headline'>): string | null {
  const tables = datasets.flatMap(({ refused }) => refused.map(({ table }) => table));
  return tables.length === 0 ? null : `${tables.join(', ')} cannot be synced`;
}

const isOrAre = (count: number): string => (count === 1 ? 'is' : 'are');

function notComparedText({ datasets }: Omit<EngineStatus, 'headline'>): string | null {
  const tables = datasets.flatMap(({ notCompared }) => notCompared);
  return tables.length === 0 ? null : `${tables.join(', ')} cannot be compared, since a server lacks tables or columns`;
}

/** Never `0 s`: what is shown has begun. */
export function ageText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
