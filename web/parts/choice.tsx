import { useId } from 'preact/hooks';

export interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** Values with the words for each. */
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly onChoose: (value: string) => void;
  readonly hint?: string;
  /** Only readers hear the label, where a heading says the same. */
  readonly isLabelHidden?: boolean;
}

/** One of a few values. */
export function Choice({ label, value, options, onChoose, hint, isLabelHidden = false }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label htmlFor={id} class={isLabelHidden ? 'visually-hidden' : ''}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          // What is shown follows the value that the page holds, also when it does not change.
          event.currentTarget.value = value;
          onChoose(chosen);
        }}
      >
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
