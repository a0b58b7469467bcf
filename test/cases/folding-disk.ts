/** A disk that takes names of other case or Unicode form for one and keeps how they were written, on top of another one. */
import { basename, dirname, join } from 'node:path';
import type { Disk } from '../../src/system/disk.js';

const keyOf = (name: string): string => name.normalize('NFC').toLowerCase().normalize('NFC');

export function createFoldingDisk(below: Disk): Disk {
  const standing = (path: string): string => {
    const folder = dirname(path);
    const name = basename(path);
    if (folder === '/proc/self/fd') return path;
    try {
      const found = below.namesIn(folder).find((each) => keyOf(each.toString()) === keyOf(name));
      return found === undefined ? path : join(folder, found.toString());
    } catch {
      return path;
    }
  };
  return {
    ...below,
    open: (path, flags, mode) => below.open(standing(path), flags, mode),
    look: (path) => below.look(standing(path)),
    readLink: (path) => below.readLink(standing(path)),
    makeFolder: (path, mode) => below.makeFolder(standing(path), mode),
    setModeAt: (path, mode) => below.setModeAt(standing(path), mode),
    removeFolder: (path) => below.removeFolder(standing(path)),
    makeLink: (target, path) => below.makeLink(target, standing(path)),
    linkFile: (from, to) => below.linkFile(standing(from), standing(to)),
    copyFile: (from, to) => below.copyFile(standing(from), standing(to)),
    rename(from, to) {
      const target = standing(to);
      const isItself = standing(from) === target;
      below.rename(standing(from), isItself ? to : target);
    },
    removeFile: (path) => below.removeFile(standing(path)),
  };
}
