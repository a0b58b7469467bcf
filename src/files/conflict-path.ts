import { byteLength, joinPath, nameOf, parentOf, pathBytesMax } from './entry-path.js';
import type { Entry } from '../core/entry.js';

/**
 * Where the version that lost its name is kept: beside the winner, or above it where no path is long enough for that; named
 * by its author and its content, so that every server gives it the same name.
 */
export function conflictPath({ path, version, author }: Pick<Entry, 'path' | 'version' | 'author'>): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const extension = dot > 0 && byteLength(name.slice(dot)) <= extensionBytesMax ? name.slice(dot) : '';
  const whole = extension === '' ? name : stem;
  const mark = ` (conflict, ${cut(safe(author), authorBytesMax)}, ${shortHash(version)})`;
  const rest = byteLength(mark) + byteLength(extension);
  const folder = folderWithRoom(parentOf(path), rest + Math.min(byteLength(whole), stemBytesMin));
  return joinPath(folder, `${cut(whole, Math.min(255, roomIn(folder)) - rest)}${mark}${extension}`);
}

/** The folder, or the nearest above it in which a name of so many bytes makes no path that is too long. */
function folderWithRoom(folder: string, nameBytes: number): string {
  let found = folder;
  while (found !== '' && roomIn(found) < nameBytes) found = parentOf(found);
  return found;
}

const roomIn = (folder: string): number => pathBytesMax - (folder === '' ? 0 : byteLength(folder) + 1);

/** So much of the name tells what it is of. */
const stemBytesMin = 16;
const extensionBytesMax = 32;
const authorBytesMax = 48;

/** Eight characters of the content's hash. A link's version is its target: its characters are mixed. */
function shortHash(version: string): string {
  if (!version.startsWith('l:')) return version.slice(2, 10).replaceAll(/[-_]/g, 'x');
  let hash = 0;
  for (let at = 0; at < version.length; at++) hash = (Math.imul(hash, 31) + version.charCodeAt(at)) | 0;
  return (hash >>> 0).toString(16).padStart(8, '0');
}

const safe = (text: string): string => text.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-') || 'unknown';

/** The longest beginning within this many bytes; no character is cut in two. */
function cut(text: string, bytesMax: number): string {
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += byteLength(character);
    if (bytes > bytesMax) break;
    kept += character;
  }
  return kept;
}
