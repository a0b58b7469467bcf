import { writeBackMs } from './engine-limits.js';
import type { EngineGround } from './engine-parts.js';
import { createWakeup } from './wakeup.js';

/** A copy of this server writes over its row as long as it runs, and the last time after this server wrote it back. */
export function superviseOwnRow({ adapters, group, supervisor }: EngineGround): void {
  const wakeup = createWakeup(adapters.system);
  supervisor.supervise('own row', async (signal, alive) => {
    while (!signal.aborted) {
      alive();
      await wakeup.wait(writeBackMs, signal);
      if (group.isCopySeen && !signal.aborted) await group.reread();
    }
  });
}
