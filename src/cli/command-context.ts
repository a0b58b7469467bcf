import type { Command } from 'commander';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { configFileName, loadConfig, type LoadedConfig } from '../config/load-config.js';
import { optionEntries } from '../config/option-entry.js';
import { SyncError } from '../core/sync-error.js';
import { connectControl } from '../engine/control-client.js';
import type { ControlClient } from '../engine/control-contract.js';
import { createRealSystem } from '../system/real-system.js';
import { createProgressView, type ProgressView } from './progress-view.js';
import { createTerminal, type Terminal } from './terminal.js';

/** What every command may ask for. */
export interface CommandContext {
  terminal(): Terminal;
  /** For long work; what takes less than a second leaves no line. */
  progress(terminal: Terminal): ProgressView;
  /** Where the configuration is or would be. */
  configPath(): string;
  config(): Promise<LoadedConfig>;
  /** The running engine of this configuration; `USYNC-1506` when there is none. */
  connect(): Promise<ControlClient>;
  /** A number of `unit`, seconds when not given, that may be broken. */
  amountOption(name: string, text: string, unit?: string): number;
  numberOption(name: string, text: string): number;
  exitWith(code: number): void;
}

interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

export function createCommandContext(program: Command): CommandContext {
  const options = (): GlobalOptions => program.opts<GlobalOptions>();
  const context: CommandContext = {
    terminal() {
      const { json = false, quiet = false, color = true } = options();
      const hasColour = color && process.env['NO_COLOR'] === undefined && process.stdout.isTTY;
      return createTerminal({ isJson: json, isQuiet: quiet, hasColour });
    },
    progress(terminal) {
      const system = createRealSystem();
      return createProgressView({ terminal, nowMs: () => system.monotonicMs(), patienceMs: 1_000 });
    },
    configPath: () => resolve(options().config ?? process.env['USYNC_CONFIG'] ?? configFileName),
    config: () =>
      loadConfig({
        file: context.configPath(),
        env: process.env,
        flags: flagsOf(program),
        folder: process.cwd(),
        hostName: hostname(),
      }),
    connect: async () => connectControl((await context.config()).config.dataFolder),
    amountOption(name, text, unit = 'seconds') {
      const amount = text.trim() === '' ? NaN : Number(text);
      if (Number.isFinite(amount) && amount >= 0) return amount;
      throw new SyncError('USYNC-1103', `${name} needs a number of ${unit}, not "${text}"`);
    },
    numberOption(name, text) {
      const count = Number(text);
      if (Number.isSafeInteger(count) && count > 0) return count;
      throw new SyncError('USYNC-1103', `${name} needs a whole number, not "${text}"`);
    },
    exitWith(code) {
      process.exitCode = code;
    },
  };
  return context;
}

/** The options of the configuration that were given as flags, by flag. */
function flagsOf(program: Command): Record<string, string> {
  const given = program.opts<Record<string, unknown>>();
  const flags: Record<string, string> = {};
  for (const { flag } of optionEntries()) {
    const value = given[camelCase(flag)];
    if (typeof value === 'string') flags[flag] = value;
  }
  return flags;
}

/** As the command line library names the value of a flag. */
const camelCase = (flag: string): string =>
  flag.slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
