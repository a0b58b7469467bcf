import { composeEngine } from '../compose-engine.js';
import type { Config } from '../config/config.js';
import type { Engine } from '../engine/engine.js';
import { createLogLines } from '../observe/log-lines.js';
import { packageVersion } from '../package-version.js';

/** The engine of a configuration, with its log on standard error: text for a person, JSON lines for a machine. */
export function createEngineWithLog(config: Config): Engine {
  const engine = createQuietEngine(config);
  const isPerson = process.stderr.isTTY;
  const { level, format } = config.log;
  engine.onActivity(
    createLogLines({
      level,
      format: format === 'auto' ? (isPerson ? 'text' : 'json') : format,
      isColoured: isPerson && process.env['NO_COLOR'] === undefined,
      write: (line) => process.stderr.write(`${line}\n`),
    }),
  );
  return engine;
}

/** Without a log, for commands that need an engine for a moment. */
export const createQuietEngine = (config: Config): Engine =>
  composeEngine(config, { version: packageVersion(), observe: () => undefined });
