import type { StateWords } from '../words/tone.js';
import { Icon } from './icon.js';

/** A state as word, drawing and tone. */
export function StateWord({ tone, word }: StateWords) {
  return (
    <span class={`state tone-${tone}`}>
      <Icon name={tone} />
      {word}
    </span>
  );
}
