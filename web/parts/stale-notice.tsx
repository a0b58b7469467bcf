import { nowMs } from '../state/clock.js';
import { reconnect, staleSinceMs } from '../state/live.js';
import { ageText, clockText } from '../words/age-text.js';
import { Button } from './button.js';
import { Notice } from './notice.js';

/** While nothing live comes in, what is shown may have changed: the page says so and from when it is. */
export function StaleNotice() {
  const sinceMs = staleSinceMs.value;
  return (
    <div class="stale" role="status">
      {sinceMs === null ? null : (
        <Notice
          tone="wait"
          title={`Live connection lost ${ageText(nowMs.value - sinceMs)} ago.`}
          actions={<Button onPress={reconnect}>Try now</Button>}
        >
          <p>What you see is as of {clockText(sinceMs)}. The page goes on trying.</p>
        </Notice>
      )}
    </div>
  );
}
