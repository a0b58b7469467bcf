import { readFile } from 'node:fs/promises';

/** Changes with every boot of the machine. Null where the system does not tell: then each unclean end counts as a boot. */
export async function readBootId(): Promise<string | null> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return null;
  }
}
