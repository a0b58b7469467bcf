import type { Command } from 'commander';
import type { Engine } from '../../engine/engine.js';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';

export function addRunCommand(program: Command, context: CommandContext): void {
  program
    .command('run')
    .description('sync until stopped')
    .addHelpText('after', '\nThe first Ctrl-C (or SIGTERM) ends orderly, the second at once.')
    .action(async () => {
      const [{ createEngineWithLog }, { config }] = await Promise.all([
        import('../engine-with-log.js'),
        context.config(),
      ]);
      await runUntilSignal(createEngineWithLog(config));
    });
}

/** Runs the engine until a signal comes. What is on its way is finished at the first one; the second one exits. */
async function runUntilSignal(engine: Engine): Promise<void> {
  const { promise: stopped, resolve: stop } = deferred<string>();
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(exitCodes.interrupted);
    isStopping = true;
    stop(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await engine.start();
    const reason = await Promise.race([stopped, engine.stopRequested]);
    await engine.stop(reason);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
