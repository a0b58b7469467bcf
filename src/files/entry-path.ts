/**
 * Which paths an entry may have. Names come from peers and from disks; what is refused is refused whole, never
 * corrected, on both sides: a corrected path is another path.
 */
export const stateFolder = '.usync-folder';

/** Null when the path may be used; else why not. */
export function pathObstacle(path: string): string | null {
  if (path === '') return 'the path is empty';
  if (Buffer.from(path).toString() !== path) return 'the name is not valid UTF-8';
  if (byteLength(path) > pathBytesMax) return `the path is longer than ${pathBytesMax} bytes`;
  const names = path.split('/');
  if (names.length > depthMax) return `the path is deeper than ${depthMax} folders`;
  for (const name of names) {
    const obstacle = nameObstacle(name);
    if (obstacle !== null) return obstacle;
  }
  return null;
}

export const pathBytesMax = 3072;
const nameBytesMax = 255;
const depthMax = 128;

function nameObstacle(name: string): string | null {
  if (name === '' || name === '.' || name === '..') return 'the path is not in its plain form';
  if (byteLength(name) > nameBytesMax) return `a name is longer than ${nameBytesMax} bytes`;
  if (/\p{Cc}/u.test(name)) return 'a name holds control characters';
  if (isReservedName(name)) return 'the name is reserved for Universal Sync';
  return null;
}

/** State of Universal Sync itself: its data folder by default, and what it keeps in each synced folder. */
const reservedNames: ReadonlySet<string> = new Set(['.usync', stateFolder]);

export const isReservedName = (name: string): boolean => reservedNames.has(twinKey(name));

/** Names with equal keys are one name on systems that fold case or Unicode forms. */
const twinKey = (name: string): string => name.normalize('NFC').toLowerCase().normalize('NFC');

export const byteLength = (text: string): number => Buffer.byteLength(text);

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const joinPath = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

/**
 * Why a link at `path` may lead out of the root; null when it cannot, whatever links are on its way that were judged so too.
 * Going up counts names, and is what it says only before the first of them: behind a name it starts where that leads.
 */
export function linkObstacle(path: string, target: string): string | null {
  if (target === '') return 'the link leads nowhere';
  if (target.startsWith('/')) return leadsOut;
  if (/\p{Cc}/u.test(target)) return 'the target of the link holds control characters';
  if (/[\\:]/.test(target))
    return 'the target of the link holds ":" or "\\", by which other systems write paths that lead out';
  const names = target.split('/').filter((name) => name !== '.' && name !== '');
  const first = names.findIndex((name) => name !== '..');
  const climbed = first === -1 ? names.length : first;
  if (climbed > path.split('/').length - 1) return leadsOut;
  const isUpAgain = names.includes('..', climbed);
  return isUpAgain ? 'the target of the link goes up behind a name, which may be a link: it may lead out' : null;
}

const leadsOut = 'the link leads out of the folder';

export const isLinkInside = (path: string, target: string): boolean => linkObstacle(path, target) === null;
