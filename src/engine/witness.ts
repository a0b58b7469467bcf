/**
 * What this server remembers of a dataset outside the database: its id, the own origin and its last stamp. By it a
 * database that went back in time is noticed before the first drain, and a new epoch is taken (decision 1).
 *
 * The seal, in a second file, holds inode and change time of the witness: a data folder that was copied or restored
 * cannot keep both. A crash between the two writes looks the same and costs a new epoch too, which is harmless.
 */
import type { OriginId, ServerId } from '../core/origin.js';
import { serverIdOfOrigin } from '../core/origin.js';
import type { Stamp } from '../core/stamp.js';
import { stampIn, type VersionVector } from '../core/version-vector.js';
import type { DataFiles, FileSeal } from '../system/data-files.js';

export interface Witness {
  readonly databaseId: string;
  readonly origin: OriginId;
  /** The last stamp of `origin` that was seen in the database. */
  readonly stamp: Stamp;
  /** Null where the machine cannot tell its boots apart. */
  readonly bootId: string | null;
  /** Written after everything was flushed at an orderly end. */
  readonly isClean: boolean;
  /** The last time that this server went on under a new epoch. */
  readonly epochChange?: EpochChange;
}

export interface EpochChange {
  readonly atMs: number;
  readonly reason: string;
}

export interface OpenedDatabase {
  readonly databaseId: string;
  readonly origin: OriginId;
  readonly vector: VersionVector;
  /** No part of the dataset yet: nothing was ever captured or merged here. */
  readonly isFresh: boolean;
  /** The replica itself saw that it holds less than before. */
  readonly isOlder: boolean;
}

export interface WitnessStore {
  /** Null when there is none. */
  read(): Promise<SealedWitness | null>;
  write(witness: Witness): Promise<void>;
  remove(): Promise<void>;
}

export interface SealedWitness {
  readonly witness: Witness;
  readonly isSealIntact: boolean;
}

export function createWitnessStore(files: DataFiles, dataset: string): WitnessStore {
  const name = `witness-${fileNameOf(dataset)}.json`;
  const sealName = `witness-${fileNameOf(dataset)}.seal.json`;
  return {
    async read() {
      const text = await files.read(name);
      const witness = text === null ? null : witnessOf(text);
      if (text !== null && witness === null) return { witness: damagedWitness, isSealIntact: false };
      if (witness === null) return null;
      return { witness, isSealIntact: isSameSeal(await files.seal(name), await files.read(sealName)) };
    },
    async write(witness) {
      await files.write(name, JSON.stringify(witness));
      await files.write(sealName, JSON.stringify(await files.seal(name)));
    },
    async remove() {
      await files.remove(sealName);
      await files.remove(name);
    },
  };
}

/** Why a new epoch must begin before the first drain; null when the database is what this server left behind. */
export function epochReason(
  sealed: SealedWitness | null,
  opened: OpenedDatabase,
  now: { readonly server: ServerId; readonly bootId: string | null },
): string | null {
  if (opened.isFresh) return null;
  if (serverIdOfOrigin(opened.origin) !== now.server) return 'the database was copied from another server';
  if (opened.isOlder) return olderReason;
  if (sealed === null) return 'this server has no memory of this database';
  const { witness } = sealed;
  if (!sealed.isSealIntact) return 'the data folder was copied or restored, or its last write was cut off';
  if (witness.databaseId !== opened.databaseId) return 'the database is another one than before';
  if (stampIn(opened.vector, witness.origin) < witness.stamp) return olderReason;
  if (!witness.isClean && (now.bootId === null || witness.bootId !== now.bootId))
    return 'the machine stopped without warning; the database may have lost its newest transactions';
  return null;
}

const olderReason = 'the database is older than what this server remembers of it: a restored backup or a lost tail';

const damagedWitness: Witness = {
  databaseId: '',
  origin: '' as OriginId,
  stamp: 0 as Stamp,
  bootId: null,
  isClean: false,
};

function witnessOf(text: string): Witness | null {
  try {
    const value = JSON.parse(text) as Partial<Witness> | null;
    const isComplete =
      typeof value?.databaseId === 'string' && typeof value.origin === 'string' && typeof value.stamp === 'number';
    return isComplete ? (value as Witness) : null;
  } catch {
    return null;
  }
}

function isSameSeal(seal: FileSeal | null, kept: string | null): boolean {
  if (seal === null || kept === null) return false;
  try {
    const value = JSON.parse(kept) as Partial<FileSeal> | null;
    return value?.inode === seal.inode && value.changedNs === seal.changedNs;
  } catch {
    return false;
  }
}

/** Names of datasets may hold letters of any script; file names here are plain. */
const fileNameOf = (dataset: string): string =>
  /^[A-Za-z0-9_.-]+$/.test(dataset) ? dataset : `x${Buffer.from(dataset, 'utf8').toString('hex')}`;
