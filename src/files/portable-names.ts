/** Names that stand here and cannot on other systems: told of, never refused. */
import type { EntryRows } from '../databases/entry-table.js';
import type { WaitingEntry } from '../databases/folder-calls.js';
import { joinPath, nameOf, parentOf } from './entry-path.js';
import { foldsLikeOthers } from './name-folding.js';

/** Null for a name that every common system can hold; else which cannot. */
export function portabilityObstacle(name: string): string | null {
  if (/[<>:"|?*\\]/.test(name)) return 'Windows cannot hold a name with any of < > : " | ? * \\';
  if (/[. ]$/.test(name)) return 'Windows drops a dot or space at the end of a name';
  if (/^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i.test(name)) return 'Windows reserves the name for a device';
  if (name.length > 255) return 'Windows and macOS hold no name of more than 255 characters';
  return null;
}

const pageSize = 1000;
/** So many paths are looked at: asking must not cost more than an answer is worth. */
const pathsMax = 300_000;

/** Each folder and file once, at the name that is the reason. */
export function unportableNames(rows: EntryRows, max: number): WaitingEntry[] {
  const found: WaitingEntry[] = [];
  const seen = new Set<string>();
  const nameByKey = new Map<string, string>();
  const look = (path: string): void => {
    if (path === '' || seen.has(path)) return;
    seen.add(path);
    look(parentOf(path));
    const reason = portabilityObstacle(nameOf(path));
    if (reason !== null) found.push({ path, reason });
    const key = joinPath(parentOf(path), foldsLikeOthers.keyOf(nameOf(path)));
    const twin = nameByKey.get(key);
    if (twin === undefined) nameByKey.set(key, path);
    else found.push({ path, reason: `it cannot stand beside "${twin}" on disks that fold case or Unicode forms` });
  };
  let after = '';
  for (let count = 0; count < pathsMax && found.length < max; count += pageSize) {
    const page = rows.pathsAfter(after, pageSize);
    for (const path of page) look(path);
    after = page.at(-1) ?? after;
    if (page.length < pageSize) break;
  }
  return found.slice(0, max);
}
