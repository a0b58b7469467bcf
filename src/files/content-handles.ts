import type { EntryVersion } from '../core/entry.js';
import type { Disk } from '../system/disk.js';
import type { System } from '../system/system.js';
import { readWhole } from './content-hash.js';
import type { Reading } from './content-reader.js';

/**
 * Large contents are read piece after piece, so their files stay open for a moment. A file that is replaced meanwhile is
 * still the one that was asked for; one that is overwritten is no answer, since whoever asked checks the bytes.
 */
export interface ContentHandles {
  /** False when none is kept or its file has not got these bytes any more. */
  read(version: EntryVersion, reading: Reading): boolean;
  has(version: EntryVersion): boolean;
  /** Takes the handle over. */
  keep(version: EntryVersion, handle: number): void;
  close(): void;
}

const keptMax = 4;
const keptMs = 1000;

export function createContentHandles(disk: Disk, system: System): ContentHandles {
  const kept = new Map<EntryVersion, { readonly handle: number; isUsed: boolean }>();
  let cancel: (() => void) | null = null;
  const drop = (version: EntryVersion): void => {
    const known = kept.get(version);
    kept.delete(version);
    if (known !== undefined) disk.close(known.handle);
  };
  const dropUnused = (): void => {
    for (const [version, each] of kept) {
      if (!each.isUsed) drop(version);
      each.isUsed = false;
    }
    cancel = kept.size > 0 ? system.after(keptMs, dropUnused) : null;
  };
  return {
    read(version, { offset, into }) {
      const known = kept.get(version);
      if (known === undefined) return false;
      known.isUsed = true;
      try {
        if (readWhole({ disk, handle: known.handle }, into, offset)) return true;
      } catch {
        // The disk fails here; another place may have it.
      }
      drop(version);
      return false;
    },
    has: (version) => kept.has(version),
    keep(version, handle) {
      drop(version);
      for (const oldest of kept.keys()) if (kept.size >= keptMax) drop(oldest);
      kept.set(version, { handle, isUsed: true });
      cancel ??= system.after(keptMs, dropUnused);
    },
    close() {
      cancel?.();
      cancel = null;
      for (const version of kept.keys()) drop(version);
    },
  };
}
