import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface ScreenHeadProps {
  readonly title: string;
  /** The question that the screen answers, for who does not know it yet. */
  readonly lead?: string;
  readonly children?: ComponentChildren;
}

let isFirstScreen = true;

/** The heading of a screen. It takes the focus when the screen opens, so that keyboard and reader start there. */
export function ScreenHead({ title, lead, children }: ScreenHeadProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - Universal Sync`;
  }, [title]);
  useEffect(() => {
    if (!isFirstScreen) heading.current?.focus({ preventScroll: true });
    isFirstScreen = false;
  }, []);
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
