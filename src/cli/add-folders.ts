import { renameSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import { loadConfig } from '../config/load-config.js';
import { SyncError } from '../core/sync-error.js';
import { nameFolders, type NamedFolder } from './name-datasets.js';

export interface AddedFolders {
  readonly folders: readonly string[];
  readonly hostName: string;
  /** The file stays as it is; it is only told what would be added. */
  readonly isDryRun: boolean;
}

/**
 * Adds folders to a configuration that is there already; all else in the file stays as it is. What it names already is
 * left out of the result. Throws `USYNC-1700` for what is no folder, and `USYNC-1101` when the file does not fit.
 */
export async function addFolders(path: string, { folders, hostName, isDryRun }: AddedFolders): Promise<NamedFolder[]> {
  const base = dirname(path);
  for (const folder of folders)
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new SyncError('USYNC-1700', `${folder} is not a folder.`);
  const sources = { file: path, env: {}, flags: {}, folder: base, hostName };
  const { config } = await loadConfig(sources);
  const known = new Set(config.datasets.map(({ folder }) => folder));
  const fresh = folders.filter((folder) => !known.has(resolve(folder)));
  const added = nameFolders(
    fresh.map((folder) => relative(base, resolve(folder)) || '.'),
    { base, names: config.datasets.map(({ name }) => name) },
  );
  if (added.length === 0) return [];
  const document = parseDocument(readFileSync(path, 'utf8'));
  for (const each of added) {
    const datasets = document.get('datasets');
    if (isSeq(datasets)) datasets.add(document.createNode(each));
    else if (isMap(document.contents)) document.set('datasets', document.createNode([each]));
  }
  const draft = `${path}.new`;
  writeFileSync(draft, document.toString(), { mode: statSync(path).mode });
  try {
    await loadConfig({ ...sources, file: draft });
    if (!isDryRun) renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return added;
}
