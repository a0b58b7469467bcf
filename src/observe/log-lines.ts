import type { ObservedEvent } from './event.js';
import { eventText } from './event-text.js';

export interface LogOptions {
  readonly level: ObservedEvent['level'];
  readonly format: 'json' | 'text';
  readonly isColoured: boolean;
  /** Takes one line without its line end. */
  readonly write: (line: string) => void;
}

const rankByLevel: Readonly<Record<ObservedEvent['level'], number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A rendering of events as log lines. What repeats is one line: the first is written at once, further ones are counted
 * and written again only each time that the count has doubled and at least `repeatAfterMs` went by.
 */
export function createLogLines(options: LogOptions): (event: ObservedEvent) => void {
  const repeats = new Map<string, Repeat>();
  return (event) => {
    if (rankByLevel[event.level] < rankByLevel[options.level]) return;
    const line = options.format === 'json' ? jsonLine : textLine;
    const key = repeatKey(event);
    if (key === null) {
      if (event.kind === 'loop-recovered') forgetLoop(repeats, event.loop);
      options.write(line(event, 1, options.isColoured));
      return;
    }
    const repeat = repeats.get(key) ?? { count: 0, nextCount: 1, lastMs: -Infinity };
    repeat.count += 1;
    const isDue = repeat.count >= repeat.nextCount && event.atMs - repeat.lastMs >= repeatAfterMs;
    if (isDue || event.atMs < repeat.lastMs) {
      options.write(line(event, repeat.count, options.isColoured));
      repeat.nextCount = repeat.count * 2;
      repeat.lastMs = event.atMs;
    }
    repeats.delete(key);
    repeats.set(key, repeat);
    for (const oldest of repeats.keys()) {
      if (repeats.size <= repeatKeysMax) break;
      repeats.delete(oldest);
    }
  };
}

const repeatAfterMs = 60_000;
const repeatKeysMax = 1_000;

interface Repeat {
  count: number;
  nextCount: number;
  lastMs: number;
}

/** Events that may come in floods; the same key means the same line to a reader. Null: always written. */
function repeatKey(event: ObservedEvent): string | null {
  switch (event.kind) {
    case 'loop-failed':
      return `loop ${event.loop} ${event.code} ${event.message}`;
    case 'peer-refused':
      return `refused ${event.peer} ${event.code}`;
    case 'peer-lost':
      return `lost ${event.peer} ${event.reason}`;
    case 'peer-connected':
      return `connected ${event.peer}`;
    case 'proof-failed':
      return `proof ${event.dataset} ${event.peer} ${event.tables.join()}`;
    case 'dataset-notice':
      return `notice ${event.dataset} ${event.code} ${event.text}`;
    case 'conflicts':
    case 'quarantined':
      return `${event.kind} ${event.dataset}`;
    case 'proven':
      return `proven ${event.dataset} ${event.peer}`;
    default:
      return null;
  }
}

function forgetLoop(repeats: Map<string, Repeat>, loop: string): void {
  for (const key of repeats.keys()) if (key.startsWith(`loop ${loop} `)) repeats.delete(key);
}

function jsonLine(event: ObservedEvent, count: number): string {
  const { atMs, level, kind, ...rest } = event;
  const fields: Record<string, unknown> = {
    time: new Date(atMs).toISOString(),
    level,
    kind,
    message: eventText(event),
    ...rest,
  };
  if (event.kind !== 'loop-failed' && count > 1) fields['count'] = count;
  const line = JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return line.replaceAll(steering, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Names are other people's: nothing in them may end a line, steer a terminal or turn the direction of writing. */
const steering = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function textLine(event: ObservedEvent, count: number, isColoured: boolean): string {
  const time = new Date(event.atMs).toTimeString().slice(0, 8);
  const times = count > 1 ? ` (${count} times)` : '';
  const level = event.level.toUpperCase().padEnd(5);
  const text = `${eventText(event)}${times}`.replaceAll(steering, ' ');
  return isColoured
    ? `\u001b[2m${time}\u001b[0m ${colourByLevel[event.level]}${level}\u001b[0m ${text}`
    : `${time} ${level} ${text}`;
}

const colourByLevel: Readonly<Record<ObservedEvent['level'], string>> = {
  debug: '\u001b[2m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
};
