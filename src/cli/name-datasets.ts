import { basename, extname, resolve } from 'node:path';

export interface NamedFile {
  readonly name: string;
  readonly sqlite: string;
}

/** Datasets are named after their files; where two files have one name, their folders are added. */
export function nameDatabases(files: readonly string[]): NamedFile[] {
  const short = (file: string): string => clean(basename(file, extname(file)));
  return files.map((sqlite) => ({
    sqlite,
    name: files.filter((other) => short(other) === short(sqlite)).length === 1 ? short(sqlite) : clean(sqlite),
  }));
}

export interface NamedFolder {
  readonly name: string;
  readonly folder: string;
}

/** A folder that has the name of another dataset gets another one. Names are of a folder relative to `base`. */
export function nameFolders(
  folders: readonly string[],
  { base, names }: { readonly base: string; readonly names: readonly string[] },
): NamedFolder[] {
  const taken = new Set(names);
  return folders.map((folder) => {
    const short = clean(basename(resolve(base, folder)));
    const name = [short, `${short}-files`, clean(folder)].find((each) => !taken.has(each)) ?? `${short}-${taken.size}`;
    taken.add(name);
    return { name, folder };
  });
}

const clean = (text: string): string =>
  text
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 63) || 'database';
