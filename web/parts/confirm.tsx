import type { ComponentChildren } from 'preact';
import { Button } from './button.js';
import { Dialog } from './dialog.js';

export interface ConfirmProps {
  readonly title: string;
  /** What will happen, here and on other servers. */
  readonly children: ComponentChildren;
  /** What the button does, as a verb: `Remove pit-3`. */
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly onConfirm: () => unknown;
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back by pressing once more. */
export function Confirm({ title, children, verb, isDanger = false, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <div class="actions">
        <Button onPress={onClose}>Cancel</Button>
        <Button
          look={isDanger ? 'danger' : 'first'}
          onPress={async () => {
            await onConfirm();
            onClose();
          }}
        >
          {verb}
        </Button>
      </div>
    </Dialog>
  );
}
