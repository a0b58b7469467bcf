import { nowMs } from '../state/clock.js';
import { ageText, clockText } from '../words/age-text.js';

/** What a dataset that is busy with a merge told before: how old it is. A moment is not worth a word. */
export function OldNotice({ sinceMs }: { readonly sinceMs: number }) {
  const ageMs = nowMs.value - sinceMs;
  return (
    <p class="muted small" role="status">
      {ageMs < toldMs
        ? null
        : `As of ${clockText(sinceMs)}, ${ageText(ageMs)} ago: the data is busy. It is asked again by itself.`}
    </p>
  );
}

const toldMs = 2_000;
