import type { Tone } from '../words/tone.js';

export interface MeterProps {
  readonly label: string;
  readonly value: number;
  readonly max: number;
  readonly tone: Tone;
  /** The same in words. */
  readonly words: string;
}

/** How full something is; the words beside it say the same. */
export function Meter({ label, value, max, tone, words }: MeterProps) {
  return (
    <div class={`meter tone-${tone}`}>
      <div class="line-head">
        <span>{label}</span>
        <span class="end muted small figure">{words}</span>
      </div>
      <progress aria-label={`${label}: ${words}`} value={Math.min(value, max)} max={Math.max(1, max)} />
    </div>
  );
}
