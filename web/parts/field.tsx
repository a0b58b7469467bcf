import { useId } from 'preact/hooks';

export interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: 'text' | 'password' | 'number' | 'search' | 'datetime-local' | 'email' | 'url';
  readonly hint?: string;
  /** What is wrong with the value; null when nothing is. */
  readonly wrong?: string | null;
  readonly autocomplete?: string;
  readonly isDisabled?: boolean;
  readonly isRequired?: boolean;
}

/** A line of text with its name, a hint and what is wrong with it. */
export function Field(props: FieldProps) {
  const { label, value, onInput, type = 'text', hint, wrong = null, autocomplete = 'off' } = props;
  const id = useId();
  const described = [hint === undefined ? '' : `${id}-hint`, wrong === null ? '' : `${id}-wrong`].join(' ').trim();
  return (
    <div class="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        {...typeOf(type)}
        value={value}
        autocomplete={autocomplete}
        disabled={props.isDisabled}
        required={props.isRequired}
        spellcheck={false}
        aria-invalid={wrong !== null}
        aria-describedby={described === '' ? undefined : described}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {wrong === null ? null : (
        <p class="wrong" id={`${id}-wrong`}>
          {wrong}
        </p>
      )}
    </div>
  );
}

/** The types of an input's properties hang on its literal type; here it is one of several. */
const typeOf = (type: string): { type: 'text' } =>
  (type === 'datetime-local' ? { type, step: 1 } : { type }) as { type: 'text' };
