/** Which names the disk of a folder takes for one: they cannot stand beside each other there. */
import { constants } from 'node:fs';
import { randomHex } from '../system/random.js';
import { codeOf } from '../system/disk.js';
import type { System } from '../system/system.js';
import { lookAt } from './disk-look.js';
import { stateFolder } from './entry-path.js';
import type { RootFolder } from './root-folder.js';
import { temporaryFolder } from './state-folder.js';

export interface NameFolding {
  /** False: every name stands for itself, as on most disks of servers. */
  readonly isFolding: boolean;
  /** Names with equal keys are one name on this disk. */
  keyOf(name: string): string;
}

const distinctNames: NameFolding = { isFolding: false, keyOf: (name) => name };

/** As some common system folds them: what may stand on this disk and cannot on another one. */
export const foldsLikeOthers: NameFolding = {
  isFolding: true,
  keyOf: (name) => name.normalize('NFC').toLowerCase().normalize('NFC'),
};

/** Makes a file and looks for it by other names; where none can be made, as on a full disk, the folder of ours tells. */
export function probeNameFolding(root: RootFolder, system: System): NameFolding {
  try {
    return foldingOfNewFile(root, system);
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return isFoundInOtherCase(root) ? foldsLikeOthers : distinctNames;
  }
}

const isFoundInOtherCase = (root: RootFolder): boolean =>
  root.at(stateFolder.toUpperCase(), (place) => lookAt(root.disk, place).kind !== 'nothing');

function foldingOfNewFile(root: RootFolder, system: System): NameFolding {
  const name = `Probe-\u00c9-${randomHex(system, 6)}`;
  const { disk } = root;
  return root.inFolder(temporaryFolder, (place) => {
    disk.close(disk.open(place(name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    try {
      const isThere = (other: string): boolean => lookAt(disk, place(other)).kind !== 'nothing';
      const isCase = isThere(name.replace('P', 'p')) || isThere(name.replace('\u00c9', '\u00e9'));
      const isForm = isThere(name.normalize('NFD'));
      return foldingOf({ isCase, isForm });
    } finally {
      disk.removeFile(place(name));
    }
  });
}

function foldingOf({ isCase, isForm }: { readonly isCase: boolean; readonly isForm: boolean }): NameFolding {
  if (!isCase && !isForm) return distinctNames;
  if (isCase && isForm) return foldsLikeOthers;
  return { isFolding: true, keyOf: (name) => (isForm ? name.normalize('NFC') : name.toLowerCase()) };
}
