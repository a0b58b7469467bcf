import type { WorkProgress } from '../../src/http/contract/shared-schemas.js';
import { ageText } from '../words/age-text.js';
import { numberText } from '../words/count-text.js';
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
        {visible(text)} {measuredText(progress)}
      </p>
    </>
  );
}

function measuredText({ done, total, unit, rate_per_second: rate, seconds_left: left }: WorkProgress): string {
  const parts = [
    total === null ? `${numberText(done)} ${unit}` : `${numberText(done)} of ${numberText(total)} ${unit}`,
    rate === null ? '' : `${numberText(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))} a second`,
    left === null ? '' : `about ${ageText(left * 1_000)} left`,
  ];
  return `(${parts.filter((part) => part !== '').join('; ')})`;
}
