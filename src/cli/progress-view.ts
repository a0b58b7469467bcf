import { createPhaseClock, workRate, type WorkProgress, type WorkRate } from '../engine/work-progress.js';
import { bytesText, durationText, printable, type Terminal } from './terminal.js';

/** Long work as one line that is drawn again and again; where nobody watches a terminal, as plain lines now and then. */
export interface ProgressView {
  show(progress: WorkProgress): void;
  /** Takes the line away: what follows is the result. */
  end(): void;
}

export interface ProgressOptions {
  readonly terminal: Pick<Terminal, 'say' | 'sayOver'>;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** What is over by then was not worth a line; 0 when absent. */
  readonly patienceMs?: number;
}

const barWidth = 20;
const drawnEveryMs = 100;
const saidEveryMs = 10_000;

export function createProgressView({ terminal, nowMs, patienceMs = 0 }: ProgressOptions): ProgressView {
  const { sayOver } = terminal;
  const fromMs = nowMs() + patienceMs;
  const phaseMs = createPhaseClock(nowMs);
  const everyMs = sayOver === null ? saidEveryMs : drawnEveryMs;
  let last = { ms: -Infinity, text: '' };
  return {
    show(progress) {
      const ms = nowMs();
      const elapsedMs = phaseMs(progress);
      if (ms < fromMs) return;
      const isDone = progress.total !== null && progress.done >= progress.total;
      // Bare words are said when they change; figures would be a flood.
      const isNews = progress.done === 0 && progress.text !== last.text;
      if (!isDone && !isNews && ms - last.ms < everyMs) return;
      last = { ms, text: progress.text };
      const line = progressLine(progress, { elapsedMs, hasBar: sayOver !== null });
      if (sayOver) sayOver(line);
      else terminal.say(line);
    },
    end: () => sayOver?.(''),
  };
}

/** `[########            ] 40 %  shop: item was read. 40,000 of 100,000 rows; 8,000 a second; about 8 s left` */
export const progressLine = (
  progress: WorkProgress,
  { elapsedMs, hasBar }: { readonly elapsedMs: number; readonly hasBar: boolean },
): string => lineOf(progress, workRate(progress, elapsedMs), hasBar);

/** The same of work whose rate was measured where it runs. */
export const workLine = (work: WorkProgress & WorkRate): string => lineOf(work, work, true);

const lineOf = (progress: WorkProgress, rate: WorkRate, hasBar: boolean): string => {
  const { text, done, total } = progress;
  const share = total === null ? null : total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor((share ?? 0) * barWidth);
  const bar =
    share === null || !hasBar
      ? ''
      : `[${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}] ${Math.floor(share * 100)} %  `;
  const figures = done === 0 && total === null ? '' : ` ${figuresText(progress, rate)}`;
  return `${bar}${printable(text)}${figures}`;
};

function figuresText({ done, total, unit }: WorkProgress, { perSecond, secondsLeft }: WorkRate): string {
  const counted = (count: number): string =>
    unit === 'bytes' ? bytesText(count) : Math.round(count).toLocaleString('en-US');
  const name = unit === 'bytes' ? '' : ` ${unit}`;
  return [
    total === null ? `${counted(done)}${name} so far` : `${counted(done)} of ${counted(total)}${name}`,
    ...(perSecond === null ? [] : [`${counted(perSecond)} a second`]),
    ...(secondsLeft === null ? [] : [`about ${durationText(secondsLeft * 1_000)} left`]),
  ].join('; ');
}
