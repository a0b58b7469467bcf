import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { hasMoved } from '../state/route.js';

/** The heading of a screen takes the focus when one came from another screen, so that keyboard and reader start there. */
export function useFocusOnOpen(heading: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    if (hasMoved()) heading.current?.focus({ preventScroll: true });
  }, []);
}
