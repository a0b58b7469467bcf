import { statSync } from 'node:fs';

/** Which file stands at a path: a file that was replaced by another one has the same path and another identity. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** Null when there is no file. Follows symbolic links. */
export function fileIdentityOf(path: string): FileIdentity | null {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? { device: stats.dev, inode: stats.ino } : null;
}

export const isSameFile = (a: FileIdentity | null, b: FileIdentity | null): boolean =>
  a?.device === b?.device && a?.inode === b?.inode;

/** Changes with every write to the database or its -wal. An empty -wal counts as none: readers make and remove it. */
export function writtenMarkOf(realPath: string): string {
  const file = statSync(realPath, { bigint: true, throwIfNoEntry: false });
  const wal = statSync(`${realPath}-wal`, { bigint: true, throwIfNoEntry: false });
  const walMark = wal && wal.size > 0n ? `${wal.size}.${wal.mtimeNs}` : '';
  return `${file?.size}.${file?.mtimeNs} ${walMark}`;
}
