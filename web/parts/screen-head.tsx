import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useFocusOnOpen } from './focus-on-open.js';

export interface ScreenHeadProps {
  readonly title: string;
  /** The question that the screen answers, for who does not know it yet. */
  readonly lead?: string;
  readonly children?: ComponentChildren;
}

/** The heading of a screen, with what can be done on all of it. */
export function ScreenHead({ title, lead, children }: ScreenHeadProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - Universal Sync`;
  }, [title]);
  useFocusOnOpen(heading);
  return (
    <div class="screen-head">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children === undefined ? null : <div class="actions">{children}</div>}
      {lead === undefined ? null : <p class="lead">{lead}</p>}
    </div>
  );
}
