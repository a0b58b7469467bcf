import { SyncError, errorCodeOf, errorMessageOf } from '../core/sync-error.js';

/** What a command prints: data to stdout, talk to stderr. */
export interface Terminal {
  readonly isJson: boolean;
  /** Whether a person is watching: live views and colours only then. */
  readonly isInteractive: boolean;
  /** The command's result. In JSON mode only `result` prints to stdout. */
  print(line: string): void;
  /** The result as one JSON document; nothing outside JSON mode. */
  result(value: unknown): void;
  /** Talk: progress, hints. Silent with `--quiet`. */
  say(line: string): void;
  /** Talk in the place of the talk before, for a person who watches; null where nobody does. */
  readonly sayOver: ((line: string) => void) | null;
  fail(error: unknown): void;
  readonly paint: (style: Style, text: string) => string;
  /** Replaces what the last call painted; for live views. */
  redraw(lines: readonly string[]): void;
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export interface TerminalOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly hasColour: boolean;
}

const styleCodes: Record<Style, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export function createTerminal({ isJson, isQuiet, hasColour }: TerminalOptions): Terminal {
  let drawn = 0;
  const paint = (style: Style, text: string): string =>
    hasColour ? `\u001b[${styleCodes[style]}m${text}\u001b[0m` : text;
  return {
    isJson,
    isInteractive: process.stdout.isTTY && !isJson,
    paint,
    print(line) {
      if (!isJson) process.stdout.write(`${line}\n`);
    },
    result(value) {
      if (isJson) process.stdout.write(`${JSON.stringify(value, jsonValue, 2)}\n`);
    },
    say(line) {
      if (!isQuiet && !isJson) process.stderr.write(`${line}\n`);
    },
    sayOver:
      process.stderr.isTTY && !isQuiet && !isJson
        ? (line) => process.stderr.write(`\r\u001b[2K${line.slice(0, Math.max(20, process.stderr.columns - 1))}`)
        : null,
    fail(error) {
      if (isJson) process.stdout.write(`${JSON.stringify({ error: errorReport(error) }, null, 2)}\n`);
      else process.stderr.write(`${errorText(error, paint)}\n`);
    },
    redraw(lines) {
      process.stdout.write(`${drawn > 0 ? `\u001b[${drawn}A\u001b[J` : ''}${lines.join('\n')}\n`);
      drawn = lines.length;
    },
  };
}

/** The three parts of an error for people: what failed and why, what to do, the code to look up. */
function errorText(error: unknown, paint: Terminal['paint']): string {
  const report = errorReport(error);
  const next = report.nextStep === '' ? '' : `\n  ${report.nextStep}`;
  // Each mistake of a configuration has a line of its own; no other message may hold lines, which could pass for ours.
  const isList = report.code === 'USYNC-1101';
  const text = isList ? report.message : report.message.replaceAll(/\s*\n\s*/g, ' ');
  const message = printable(text, isList).replaceAll('\n', '\n  ');
  return `${paint('red', 'usync:')} ${message}${printable(next, true)}\n  ${paint('dim', `${report.code}, see docs/errors.md`)}`;
}

function errorReport(error: unknown): { code: string; message: string; nextStep: string; facts: unknown } {
  const isKnown = error instanceof SyncError;
  return {
    code: errorCodeOf(error),
    message: errorMessageOf(error),
    nextStep: isKnown ? error.nextStep : '',
    facts: isKnown ? error.facts : {},
  };
}

const jsonValue = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);

/** Names and values come from other people's data: control and direction characters must not reach the terminal. */
export function printable(text: string, keepsLines = false): string {
  return text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    keepsLines && character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns of equal width, two spaces apart. The first row is the heading. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows.map((row) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  '),
  );
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 48 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

export function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${(bytes / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step] ?? 'B'}`;
}
