/** Whether this server is alone, joining, or a member: what must not travel, beside the list of servers that does. */
import { SyncError } from '../core/sync-error.js';
import type { DataFiles } from '../system/data-files.js';

/** `founding` is written before the list is made, so that a crash in between is finished at the next start. */
export interface StoredGroupState {
  readonly state: 'founding' | 'joining' | 'member';
  readonly inviter: Inviter | null;
}

export interface Inviter {
  readonly name: string;
  readonly fingerprint: string;
  readonly addresses: readonly string[];
  /** Fingerprints of the members of its group, as it named them last: any of them may let this server in. */
  readonly members: readonly string[];
}

const fileName = 'group.json';

/** Null while alone. Throws `USYNC-1102` for a damaged file: to take it for none would put the list of servers aside. */
export async function readGroupState(files: DataFiles): Promise<StoredGroupState | null> {
  const text = await files.read(fileName);
  if (text === null) return null;
  const stored = storedOf(text);
  if (stored !== null) return stored;
  const path = files.path(fileName);
  throw new SyncError('USYNC-1102', `${path} is damaged: it does not say whether this server belongs to a group.`, {
    nextStep: 'Put it back from a backup; or remove it, start, and join again with a code of a member.',
    facts: { path },
  });
}

export const writeGroupState = (files: DataFiles, stored: StoredGroupState): Promise<void> =>
  files.write(fileName, JSON.stringify(stored));

export const removeGroupState = (files: DataFiles): Promise<void> => files.remove(fileName);

function storedOf(text: string): StoredGroupState | null {
  try {
    const value = JSON.parse(text) as { readonly state?: unknown; readonly inviter?: unknown } | null;
    const state = states.find((each) => each === value?.state);
    const inviter = inviterOf(value?.inviter);
    return state === undefined || (state === 'joining' && inviter === null) ? null : { state, inviter };
  } catch {
    return null;
  }
}

const states = ['founding', 'joining', 'member'] as const;

function inviterOf(value: unknown): Inviter | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, fingerprint, addresses, members } = value as { readonly [K in keyof Inviter]?: unknown };
  if (typeof name !== 'string' || typeof fingerprint !== 'string' || !Array.isArray(addresses)) return null;
  return { name, fingerprint, addresses: textsOf(addresses), members: textsOf(members) };
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
