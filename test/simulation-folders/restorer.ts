/** A person takes something out of the history, or gives a conflict copy the name that it lost. */
import { SyncError } from '../../src/core/sync-error.js';
import { createRandom } from '../simulation/random.js';
import { fail } from '../simulation/world.js';
import { touch } from './application-runner.js';
import type { RunningFolder, VirtualFolderServer } from './folder-server.js';
import type { FolderWorld } from './folder-world.js';

const choiceMax = 20;

export function restore(world: FolderWorld, server: VirtualFolderServer, seed: number): void {
  const { engine } = server;
  if (engine?.isOpen !== true) return;
  const restoring = { engine: engine.process };
  world.restoring.add(restoring);
  void restoreSomething(world, server, { engine, seed })
    .catch((error: unknown) => {
      // What cannot be restored is told to the person; a dead engine answers nothing.
      if (error instanceof SyncError || engine.process.isDead()) return;
      fail(world, 'ERROR', `restoring at s${server.index}: ${error instanceof Error ? error.stack : String(error)}`);
    })
    .finally(() => world.restoring.delete(restoring));
}

interface Restoring {
  readonly engine: RunningFolder;
  readonly seed: number;
}

async function restoreSomething(
  world: FolderWorld,
  server: VirtualFolderServer,
  { engine: { side }, seed }: Restoring,
): Promise<void> {
  const random = createRandom(seed);
  const kept = side.history({ max: choiceMax });
  const copies = side.copies(choiceMax);
  if (kept.length + copies.length === 0) return;
  const choice = random.below(kept.length + copies.length);
  const record = kept[choice];
  const copy = copies[choice - kept.length];
  for (const path of [record?.path, copy?.path, copy?.copyOf ?? undefined])
    if (path !== undefined) touch(world, server, path);
  if (record) await side.restore(record.id);
  else await side.restoreCopy(copy?.path ?? '');
  world.trace.line(`s${server.index} restored ${record?.path ?? copy?.path}`);
}
