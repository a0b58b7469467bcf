import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';

export interface SubmitFormProps {
  /** What sending does: `Sign in`. */
  readonly verb: string;
  readonly onSubmit: () => Promise<void>;
  readonly children: ComponentChildren;
  /** Further buttons beside the one that sends. */
  readonly aside?: ComponentChildren;
}

/** Fields and the button that sends them; Enter sends too, and only once at a time. */
export function SubmitForm({ verb, onSubmit, children, aside }: SubmitFormProps) {
  const isBusy = useSignal(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
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
        <button type="submit" class="button first" aria-disabled={isBusy.value} aria-busy={isBusy.value}>
          {verb}
        </button>
        {aside}
      </div>
    </form>
  );
}
