import type { Observation } from './engine-parts.js';
import type { Running } from './engine-start.js';

/** What is committed by now is captured, and offered to who is connected; then all is taken down in reverse order of the start. */
export async function stopRunning(running: Running, { recorder }: Observation, reason: string): Promise<void> {
  await handOver(running);
  await running.undoAll();
  recorder.observe('info', { kind: 'engine-stopped', reason });
}

/** A short time for what is on its way; whoever does not get it now gets it from the journal later. */
const handOverMs = 2_000;

async function handOver({ ground, network }: Running): Promise<void> {
  const { system } = ground.adapters;
  // A database that cannot be read now must not keep the engine from ending.
  for (const runner of ground.runners.values()) await runner.capture().catch(() => undefined);
  const untilMs = system.monotonicMs() + handOverMs;
  const isPending = (): boolean =>
    network.links
      .all()
      .some(({ session }) =>
        session.status().datasets.some(({ ahead, kind }) => ahead.origins > 0 && kind === 'sending'),
      );
  while (isPending() && system.monotonicMs() < untilMs) await new Promise<void>((resolve) => system.after(20, resolve));
}
