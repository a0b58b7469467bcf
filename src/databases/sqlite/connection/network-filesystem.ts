import { readFileSync } from 'node:fs';

/**
 * The type of network file system that `realPath` (absolute, no symbolic links) is on, or null. Knows only Linux, where
 * the kernel tells; elsewhere always null.
 */
export function networkFileSystemOf(realPath: string, mountInfo: string = readMountInfo()): string | null {
  let longest = '';
  let type = '';
  for (const line of mountInfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const mountPoint = unescapeOctal(before?.split(' ')[4] ?? '');
    // Of two mounts at one place the later one is seen.
    if (mountPoint === '' || mountPoint.length < longest.length || !isInside(realPath, mountPoint)) continue;
    longest = mountPoint;
    type = after?.split(' ')[0] ?? '';
  }
  return networkTypes.test(type) ? type : null;
}

const networkTypes =
  /^(nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|9p|ceph|lustre|gfs2?|ocfs2|vboxsf|davfs|glusterfs|fuse\.(sshfs|rclone|s3fs|goofys|gcsfuse|glusterfs|ceph|smbnetfs|curlftpfs|davfs2?|vmhgfs-fuse|juicefs|mergerfs\.nfs))$/;

function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // Not Linux, or /proc is not mounted: then nothing is known.
    return '';
  }
}

const isInside = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** The kernel writes spaces and the like as three octal digits. */
const unescapeOctal = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
