import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** The files of the page, read once at the start and held in memory: no request ever names a file of the disk. */
export interface Assets {
  /** By exact path; null for anything else. */
  readonly find: (path: string) => Asset | null;
  /** The page itself, for every address below /sync/. Null when it was not built. */
  readonly page: Asset | null;
}

export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Its name holds a hash of its content. */
  readonly isImmutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};

/** `folder` may be missing: then there is no page, and the API works all the same. */
export async function readAssets(folder: string): Promise<Assets> {
  const byPath = new Map<string, Asset>();
  for (const name of await namesIn(folder)) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const bytes = new Uint8Array(await readFile(join(folder, name)));
    byPath.set(`/${name}`, {
      bytes,
      gzipped: new Uint8Array(gzipSync(bytes, { level: 9 })),
      type,
      isImmutable: /-[\w-]{8}\.[a-z0-9]+$/.test(name),
    });
  }
  const page = byPath.get('/index.html') ?? null;
  byPath.delete('/index.html');
  return { page, find: (path) => byPath.get(path) ?? null };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll('\\', '/'),
      );
  } catch {
    return [];
  }
}
