import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const filesPerFolder = 100;

/** Files of random bytes in folders of a hundred. No two are equal, so that nothing can be taken from another file. */
export function writeSmallFiles(folder: string, count: number, bytes: number): void {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < count; at++) {
    const inner = join(folder, `folder-${Math.floor(at / filesPerFolder)}`);
    if (at % filesPerFolder === 0) mkdirSync(inner);
    writeFileSync(join(inner, `file-${at}.bin`), randomBytes(bytes));
  }
}

/** One file of random bytes, with these bytes before them. */
export function writeLargeFile(
  path: string,
  bytes: number,
  key: Uint8Array,
  front: Uint8Array = new Uint8Array(),
): void {
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(4 * mebibyte);
  const handle = openSync(path, 'w');
  try {
    writeSync(handle, front);
    for (let left = bytes; left > 0; left -= zeros.length)
      writeSync(handle, cipher.update(zeros.subarray(0, Math.min(left, zeros.length))));
  } finally {
    closeSync(handle);
  }
}

export const randomKey = (): Uint8Array => randomBytes(32);
export const mebibyte = 1024 * 1024;
