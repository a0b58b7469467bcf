import type { ComponentChildren } from 'preact';

export interface EmptyProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** A list without entries says what would stand in it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}
