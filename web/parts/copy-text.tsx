import { useRef } from 'preact/hooks';
import { say } from '../state/said.js';
import { Button } from './button.js';

export interface CopyTextProps {
  /** What it is: `code`, `command`. */
  readonly what: string;
  readonly text: string;
}

/** Text to take elsewhere. Where the browser does not let the page copy, it is marked for the person to copy. */
export function CopyText({ what, text }: CopyTextProps) {
  const code = useRef<HTMLElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      say('ok', `The ${what} is copied.`);
    } catch {
      if (code.current !== null) getSelection()?.selectAllChildren(code.current);
      say('wait', `The ${what} is marked; copy it with the keyboard or the menu.`);
    }
  };
  return (
    <div class="copy">
      <code ref={code}>{text}</code>
      <Button isSmall onPress={copy} about={`the ${what}`}>
        Copy
      </Button>
    </div>
  );
}
