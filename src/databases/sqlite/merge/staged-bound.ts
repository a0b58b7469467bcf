import type { ChangesetPart } from '../../../core/changeset.js';
import { stagedBytesMax } from '../../../core/limits.js';
import { SyncError } from '../../../core/sync-error.js';
import type { ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, pause, whenFree } from '../stores/store-transaction.js';

/** A changeset whose parts take more than a receiver keeps. `part` is the one that went over the bound. */
export class EndlessChangeset extends SyncError {
  readonly part: ChangesetPart;

  constructor(part: ChangesetPart) {
    super(
      'USYNC-1507',
      `a changeset of ${part.origin} takes more than ${stagedBytesMax / 2 ** 30} GiB: it is refused, and what came of it is forgotten`,
      {
        facts: { origin: part.origin, stamp: part.stamp, bytesMax: stagedBytesMax },
        nextStep:
          'What one transaction wrote there is too much to be sent at once. Let this server join anew, so that it takes a snapshot.',
      },
    );
    this.part = part;
  }
}

const bytesByContext = new WeakMap<ReplicaContext, Map<string, number>>();

/**
 * To be asked before a part is staged. Throws `EndlessChangeset` beyond the bound: a peer may send a changeset that never
 * ends, and the disk is the application's, too.
 */
export function refuseEndless(context: ReplicaContext, part: ChangesetPart, bytesMax = stagedBytesMax): void {
  const known = bytesByContext.get(context) ?? new Map<string, number>();
  bytesByContext.set(context, known);
  const name = `${part.origin} ${part.stamp}`;
  const staged = (): number => context.journal.bytesOf(part.origin, part.stamp);
  let bytes = (part.part === 0 ? 0 : (known.get(name) ?? staged())) + part.bytes.length;
  // Transactions that were undone count twice.
  if (bytes > bytesMax) bytes = staged() + part.bytes.length;
  if (part.isLast) known.delete(name);
  else known.set(name, bytes);
  if (bytes <= bytesMax) return;
  known.delete(name);
  throw new EndlessChangeset(part);
}

/** In many short transactions: so much cannot be removed at once without holding the application up. */
export async function forgetEndless(context: ReplicaContext, { origin, stamp }: ChangesetPart): Promise<void> {
  const { journal, system, pace } = context;
  for (let isLeft = true; isLeft;) {
    const startMs = system.monotonicMs();
    isLeft = await whenFree(system, () =>
      inTransaction(context, () => journal.dropSomeParts(origin, stamp, pace.prunedAtOnce)),
    );
    await pause(system, pace.pauseMs(system.monotonicMs() - startMs));
  }
}
