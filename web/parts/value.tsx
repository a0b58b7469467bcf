import { readable } from '../words/literal-text.js';
import { visible } from '../words/visible.js';

/** A value of a row, given as SQL literal; long ones fold. */
export function Value({ literal }: { readonly literal: string }) {
  const { kind, text: raw } = readable(literal);
  const text = visible(raw);
  if (kind === 'nothing') return <em class="muted">nothing</em>;
  if (text === '') return <em class="muted">empty text</em>;
  if (text.length <= charactersShown) return <span class={`value ${kind}`}>{text}</span>;
  return (
    <details class="value">
      <summary>{text.slice(0, charactersShown)} ...</summary>
      <pre>{text}</pre>
    </details>
  );
}

const charactersShown = 240;
