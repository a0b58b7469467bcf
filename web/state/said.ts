import { signal } from '@preact/signals';
import type { Tone } from '../words/tone.js';

/** The newest thing that the page tells about what was pressed. */
export interface Said {
  readonly tone: Tone;
  readonly text: string;
  readonly nextStep: string | null;
  readonly code: string | null;
  readonly number: number;
}

const stayMs = 8_000;

export const said = signal<Said | null>(null);

let count = 0;

/** Good news goes away by itself; bad news stays until it is closed. */
export function say(
  tone: Tone,
  text: string,
  { nextStep = null, code = null }: { readonly nextStep?: string | null; readonly code?: string | null } = {},
): void {
  count += 1;
  const number = count;
  said.value = { tone, text, nextStep, code, number };
  if (tone === 'bad') return;
  setTimeout(() => {
    if (said.value?.number === number) said.value = null;
  }, stayMs);
}

export function closeSaid(): void {
  said.value = null;
}
