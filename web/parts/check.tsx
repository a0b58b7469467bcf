export interface CheckProps {
  readonly label: string;
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
  readonly isDisabled?: boolean;
  /** Only readers hear the label, where what it marks stands beside it. */
  readonly isLabelHidden?: boolean;
}

export function Check({ label, isChecked, onChange, isDisabled, isLabelHidden = false }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        disabled={isDisabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class={isLabelHidden ? 'visually-hidden' : undefined}>{label}</span>
    </label>
  );
}
