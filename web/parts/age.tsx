import { serverNowMs } from '../state/clock.js';
import { ageText, agoText, clockText, dayText } from '../words/age-text.js';

export interface AgeProps {
  /** ISO 8601, in the server's time; null: never. */
  readonly at: string | null;
  readonly never?: string;
  /** Shows the time of day beside the age. */
  readonly withClock?: boolean;
  /** How long since then, without "ago". */
  readonly isSpan?: boolean;
}

/** A point in time as age, counting on; the day and UTC are in its title. */
export function Age({ at, never = 'never', withClock = false, isSpan = false }: AgeProps) {
  if (at === null) return <span class="muted">{never}</span>;
  const atMs = Date.parse(at);
  return (
    <time dateTime={at} title={`${dayText(atMs)} (${at})`}>
      {isSpan ? ageText(serverNowMs() - atMs) : agoText(serverNowMs() - atMs)}
      {withClock ? <span class="muted"> at {clockText(atMs)}</span> : null}
    </time>
  );
}
