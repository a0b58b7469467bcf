import type { PlacedEntry } from '../stores/journal-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { whenFree } from '../stores/store-transaction.js';
import { blocksOfPart, type JournalBlock } from './journal-changes.js';
import { createWorkInTurns, type CancelLook } from './work-in-turns.js';

/** Reads a journal of any size for one person: others have their turn meanwhile, and are told how far it is. */
export interface JournalReading {
  /** As `journalBlocks`. Throws `WorkCancelled`. */
  blocks(wanted: (entry: PlacedEntry) => boolean): AsyncGenerator<JournalBlock>;
  /** Throws `WorkCancelled` when what is read is no longer wanted. */
  check(): void;
}

const entriesAtOnce = 200;

/** `walks`: how often the whole journal is gone through. */
export function createJournalReading(
  context: ReplicaContext,
  { signal, walks }: { readonly signal: CancelLook | undefined; readonly walks: number },
): JournalReading {
  const { journal, system } = context;
  const total = journal.bytes() * walks;
  let done = 0;
  const onTurn = (): void => context.tellWork({ kind: 'reading', done: Math.min(done, total), total });
  const work = createWorkInTurns(system, { signal, onTurn });

  async function* blocksOf(entry: PlacedEntry): AsyncGenerator<JournalBlock> {
    for (let part = 0; ; part++) {
      const found = await whenFree(system, () => journal.part(entry.origin, entry.stamp, part));
      if (!found) return;
      for (const block of blocksOfPart(context, found)) {
        await work.pass();
        yield { entry, block };
      }
      if (found.isLast) return;
    }
  }

  const pageBefore = (position: number | null): Promise<readonly PlacedEntry[]> =>
    whenFree(system, () => journal.newestBefore(position, entriesAtOnce));

  return {
    check: () => work.check(),
    async *blocks(wanted) {
      let before: number | null = null;
      for (;;) {
        const page: readonly PlacedEntry[] = await pageBefore(before);
        for (const entry of page) {
          await work.pass();
          if (wanted(entry)) yield* blocksOf(entry);
          done += entry.bytes;
        }
        const last = page.at(-1);
        if (!last) return;
        before = last.position;
      }
    },
  };
}
