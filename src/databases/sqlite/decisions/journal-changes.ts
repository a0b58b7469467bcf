import type { ChangeBlock, ChangesetPart } from '../../../core/changeset.js';
import { decodeStaged } from '../merge/staged-changeset.js';
import { changeWithNamesHere } from '../schema/renames.js';
import type { PlacedEntry } from '../stores/journal-store.js';
import type { ReplicaContext } from '../stores/replica-context.js';

/** One block of a changeset that the journal holds. */
export interface JournalBlock {
  readonly entry: PlacedEntry;
  readonly block: ChangeBlock;
}

/**
 * What the journal holds, newest merged first; within a changeset in the order of its blocks. Decodes every changeset
 * that is `wanted`, one part at a time.
 */
export function* journalBlocks(
  context: ReplicaContext,
  wanted: (entry: PlacedEntry) => boolean,
): IterableIterator<JournalBlock> {
  const { journal } = context;
  let position: number | null = null;
  for (;;) {
    const page = journal.newestBefore(position, 200);
    for (const entry of page) {
      if (!wanted(entry)) continue;
      for (const part of journal.parts(entry.origin, entry.stamp)) {
        for (const block of blocksOfPart(context, part)) yield { entry, block };
      }
    }
    const last = page.at(-1);
    if (!last) return;
    position = last.position;
  }
}

/** Tables and columns go by the names that they have now. */
export const blocksOfPart = (context: ReplicaContext, part: ChangesetPart): ChangeBlock[] =>
  decodeStaged(part).blocks.map((block) => changeWithNamesHere(context, block));
