import type { ChangesetPart } from '../../../core/changeset.js';
import type { OriginId } from '../../../core/origin.js';
import type { Stamp } from '../../../core/stamp.js';
import type { JournalNews } from '../../replica.js';

/** Remembers what is appended, so that it need not be read back. Gives up when that is much, or not whole. */
export interface NewsKeeper {
  put(part: ChangesetPart): void;
  appended(entry: AppendedEntry): void;
  take(cursorScale: number): JournalNews | null;
  forget(): void;
}

interface AppendedEntry {
  readonly position: number;
  readonly origin: OriginId;
  readonly stamp: Stamp;
  readonly parts: number;
}

const newsBytesMax = 64 * 1024;

export function createNewsKeeper(): NewsKeeper {
  let parts: ChangesetPart[] = [];
  let bytes = 0;
  let first: number | null = null;
  let last = 0;
  let isBroken = false;
  const clear = (): void => {
    parts = [];
    bytes = 0;
    first = null;
    isBroken = false;
  };
  const giveUp = (): void => {
    clear();
    isBroken = true;
  };
  return {
    put(part) {
      bytes += part.bytes.length;
      if (bytes > newsBytesMax) giveUp();
      if (!isBroken) parts.push(part);
    },
    appended(entry) {
      const own = parts.filter(({ origin, stamp }) => origin === entry.origin && stamp === entry.stamp);
      if (own.length !== entry.parts || (first !== null && entry.position !== last + 1)) giveUp();
      if (isBroken) return;
      first ??= entry.position;
      last = entry.position;
    },
    take(cursorScale) {
      const found = first === null ? null : { after: first * cursorScale, next: (last + 1) * cursorScale, parts };
      clear();
      return found;
    },
    forget: giveUp,
  };
}
