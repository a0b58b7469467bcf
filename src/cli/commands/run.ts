import type { Command } from 'commander';
import type { LoadedConfig } from '../../config/load-config.js';
import type { Engine } from '../../engine/engine.js';
import type { HttpServer } from '../../http/http-server.js';
import { deferred } from '../../system/deferred.js';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import { stateOfHolder, startWhenFree } from '../start-when-free.js';
import { printable } from '../terminal.js';

export function addRunCommand(program: Command, context: CommandContext): void {
  program
    .command('run')
    .description('sync until stopped, and serve the page')
    .addHelpText(
      'after',
      '\nThe first Ctrl-C (or SIGTERM) ends orderly, the second at once. Until there is a user, each start prints a link with' +
        '\nwhich the first one is set up; "usync setup-link" makes another one.',
    )
    .action(async () => {
      const [{ createEngineWithLog }, { startPageServer }, loaded] = await Promise.all([
        import('../engine-with-log.js'),
        import('../page-server.js'),
        context.config(),
      ]);
      const start = (stopped: AbortSignal): Promise<Engine> =>
        startWhenFree(() => createEngineWithLog(loaded.config), {
          stopped,
          holder: () => stateOfHolder(context),
          say: (line) => context.terminal().say(line),
        });
      await runUntilSignal(start, (engine) =>
        loaded.config.http.enabled
          ? servePage(
              (onListening) => startPageServer({ engine, loaded, file: context.configPath(), onListening }),
              context,
              loaded,
            )
          : Promise.resolve(null),
      );
    });
}

type PageAddress = Pick<HttpServer, 'url' | 'restriction'>;

/** A page that cannot be served stops no syncing: it is told of. */
async function servePage(
  start: (onListening: (address: PageAddress) => void) => Promise<HttpServer>,
  context: CommandContext,
  { config }: LoadedConfig,
): Promise<HttpServer | null> {
  const terminal = context.terminal();
  const tell = ({ url, restriction }: PageAddress): void => {
    terminal.print(`The page of ${printable(config.name)}: ${url}/sync/`);
    if (restriction !== null) terminal.print(printable(restriction));
  };
  try {
    const server = await start(tell);
    tell(server);
    if (server.portNote !== null) terminal.print(server.portNote);
    if (server.setupLink !== null)
      terminal.print(`Set up its first user within a day, with this link (it works once): ${server.setupLink}`);
    return server;
  } catch (error) {
    terminal.fail(error);
    terminal.say('Syncing goes on without the page.');
    return null;
  }
}

/** Runs the engine until a signal comes. What is on its way is finished at the first one; the second one exits. */
async function runUntilSignal(
  start: (stopped: AbortSignal) => Promise<Engine>,
  serve: (engine: Engine) => Promise<HttpServer | null>,
): Promise<void> {
  const { promise: stopped, resolve: stop } = deferred<string>();
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(exitCodes.interrupted);
    stopping.abort();
    stop(signal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const engine = await start(stopping.signal);
    const server = await serve(engine);
    const reason = await Promise.race([stopped, engine.stopRequested]);
    await server?.close();
    await engine.stop(reason);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
