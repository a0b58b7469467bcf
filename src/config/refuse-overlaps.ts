import { sep } from 'node:path';
import { SyncError } from '../core/sync-error.js';
import type { DatasetConfig } from './config.js';

/** Folders of the system: whoever names one of them for a dataset did not mean it. */
const systemFolders: ReadonlySet<string> = new Set([
  ...['/', '/bin', '/boot', '/etc', '/home', '/lib', '/lib64', '/media', '/mnt', '/opt', '/root', '/run', '/sbin'],
  ...['/srv', '/tmp', '/usr', '/var'],
]);
const systemTrees = ['/dev', '/proc', '/sys'];

/**
 * Two datasets of one name, file or folder, a folder inside another one, or a folder of the system. Paths are absolute;
 * `placeOf` says where in the configuration a key stands. Throws `USYNC-1101`.
 */
export function refuseOverlaps(
  datasets: readonly DatasetConfig[],
  placeOf: (keys: readonly (string | number)[]) => string,
): void {
  const refuse = (index: number, key: string, text: string): never => {
    throw new SyncError('USYNC-1101', `${placeOf(['datasets', index, key])}: ${text}`);
  };
  for (const [index, dataset] of datasets.entries())
    for (const [before, other] of datasets.slice(0, index).entries()) {
      for (const kind of ['name', 'sqlite', 'folder'] as const)
        if (dataset[kind] !== undefined && dataset[kind] === other[kind])
          refuse(index, kind, `datasets ${before + 1} and ${index + 1} have the same ${kind}.`);
      const nested = nestedOf(dataset.folder, other.folder);
      if (nested !== null)
        refuse(index, 'folder', `the folder ${nested.inner} lies in ${nested.outer}: its files would be synced twice.`);
    }
  for (const [index, { folder }] of datasets.entries())
    if (folder !== undefined && isOfSystem(folder)) refuse(index, 'folder', `${folder} is a folder of the system.`);
}

function nestedOf(a: string | undefined, b: string | undefined): { inner: string; outer: string } | null {
  if (a === undefined || b === undefined) return null;
  if (isInside(a, b)) return { inner: a, outer: b };
  return isInside(b, a) ? { inner: b, outer: a } : null;
}

const isInside = (inner: string, outer: string): boolean => inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);

const isOfSystem = (folder: string): boolean =>
  systemFolders.has(folder) || systemTrees.some((tree) => folder === tree || isInside(folder, tree));
