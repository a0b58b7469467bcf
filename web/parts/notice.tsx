import type { ComponentChildren } from 'preact';
import type { Tone } from '../words/tone.js';
import { Icon } from './icon.js';

export interface NoticeProps {
  readonly tone: Tone;
  readonly title: string;
  readonly code?: string | null;
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

/** Something to know: what it is, why, what to do, with the stable code of an error. */
export function Notice({ tone, title, code = null, children, actions }: NoticeProps) {
  return (
    <div class={`notice tone-${tone}`}>
      <Icon name={tone} />
      <div class="words">
        <strong>{title}</strong>
        {children}
        {code === null ? null : <code class="code">{code}</code>}
      </div>
      {actions === undefined ? null : <div class="actions">{actions}</div>}
    </div>
  );
}
