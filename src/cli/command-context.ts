import type { Command } from 'commander';
import { loadConfig, type LoadedConfig } from '../config/load-config.js';
import { SyncError } from '../core/sync-error.js';
import { connectControl } from '../engine/control-client.js';
import type { ControlClient } from '../engine/control-contract.js';
import { createTerminal, type Terminal } from './terminal.js';

/** What every command may ask for. */
export interface CommandContext {
  terminal(): Terminal;
  /** Where the configuration is or would be. */
  configPath(): string;
  config(): Promise<LoadedConfig>;
  /** The running engine of this configuration; `USYNC-1506` when there is none. */
  connect(): Promise<ControlClient>;
  secondsOption(name: string, text: string): number;
  exitWith(code: number): void;
}

interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

export const defaultConfigName = 'usync.yaml';

export function createCommandContext(program: Command): CommandContext {
  const options = (): GlobalOptions => program.opts<GlobalOptions>();
  const context: CommandContext = {
    terminal() {
      const { json = false, quiet = false, color = true } = options();
      const hasColour = color && process.env['NO_COLOR'] === undefined && process.stdout.isTTY === true;
      return createTerminal({ isJson: json, isQuiet: quiet, hasColour });
    },
    configPath: () => options().config ?? process.env['USYNC_CONFIG'] ?? defaultConfigName,
    config: () => loadConfig({ file: context.configPath(), env: process.env, flags: {} }),
    connect: async () => connectControl((await context.config()).config.dataFolder),
    secondsOption(name, text) {
      const seconds = Number(text);
      if (Number.isFinite(seconds) && seconds >= 0) return seconds;
      throw new SyncError('USYNC-1103', `${name} needs a number of seconds, not "${text}"`);
    },
    exitWith(code) {
      process.exitCode = code;
    },
  };
  return context;
}
