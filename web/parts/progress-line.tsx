import type { WorkProgress } from '../../src/http/contract/shared-schemas.js';
import { ageText } from '../words/age-text.js';
import { bytesText, numberText } from '../words/count-text.js';
import { visible } from '../words/visible.js';

export interface ProgressLineProps {
  /** What is worked on, for readers. */
  readonly label: string;
  readonly progress: WorkProgress;
}

/** How far long work is: a bar, how fast it is, how long it still takes. */
export function ProgressLine({ label, progress }: ProgressLineProps) {
  const { done, total, text } = progress;
  return (
    <>
      <progress aria-label={label} {...(total === null ? {} : { max: Math.max(1, total), value: done })} />
      <p class="muted small">
        {visible(text)} {done === 0 && total === null ? '' : measuredText(progress)}
      </p>
    </>
  );
}

function measuredText({ done, total, unit, rate_per_second: rate, seconds_left: left }: WorkProgress): string {
  const counted = unit === 'bytes' ? bytesText : (count: number): string => numberText(roundedOf(count));
  const name = unit === 'bytes' ? '' : ` ${unit}`;
  const parts = [
    total === null ? `${counted(done)}${name} so far` : `${counted(done)} of ${counted(total)}${name}`,
    rate === null ? '' : `${counted(rate)} a second`,
    left === null ? '' : `about ${ageText(left * 1_000)} left`,
  ];
  return `(${parts.filter((part) => part !== '').join('; ')})`;
}

const roundedOf = (count: number): number => (count < 10 ? Math.round(count * 10) / 10 : Math.round(count));
