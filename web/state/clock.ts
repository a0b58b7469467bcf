import { signal } from '@preact/signals';

/** The time of this browser, each second; ages on the page are told by it. */
export const nowMs = signal(Date.now());

/**
 * How far the server's clock is ahead of this browser's. Ages are told in the server's time, so that a phone with a
 * wrong clock does not show a proof of yesterday.
 */
const serverAheadMs = signal(0);

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) nowMs.value = Date.now();
  }, 1_000);
  document.addEventListener('visibilitychange', () => (nowMs.value = Date.now()));
}

export const serverNowMs = (): number => nowMs.value + serverAheadMs.value;

/** Small differences are the way of the answer, not the clocks. */
export function learnServerTime(atMs: number): void {
  const ahead = atMs - Date.now();
  serverAheadMs.value = Math.abs(ahead) < 2_000 ? 0 : ahead;
}
