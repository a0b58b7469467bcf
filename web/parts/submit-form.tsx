import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import { say } from '../state/said.js';

export interface SubmitFormProps {
  /** What sending does: `Sign in`. */
  readonly verb: string;
  readonly onSubmit: () => Promise<void>;
  /** Why it cannot be sent now; the button stays reachable and says so. */
  readonly obstacle?: string | null;
  readonly children: ComponentChildren;
  /** Further buttons beside the one that sends. */
  readonly aside?: ComponentChildren;
}

/** Fields and the button that sends them; Enter sends too, and only once at a time. */
export function SubmitForm({ verb, onSubmit, children, aside, obstacle = null }: SubmitFormProps) {
  const isBusy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    if (obstacle !== null) return say('wait', obstacle);
    isBusy.value = true;
    try {
      await onSubmit();
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      {children}
      <div class="actions">
        <button
          type="submit"
          class="button first"
          aria-disabled={isBusy.value || obstacle !== null}
          aria-busy={isBusy.value}
          title={obstacle ?? undefined}
        >
          {verb}
        </button>
        {aside}
      </div>
    </form>
  );
}
