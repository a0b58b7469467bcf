import { Value } from './value.js';

export interface ValueChangeProps {
  /** SQL literals; null where the value before is not known. */
  readonly from: string | null;
  readonly to: string | null;
}

/** What stood and what stands now. The words say it too: colour is not enough. */
export function ValueChange({ from, to }: ValueChangeProps) {
  return (
    <span class="change-pair">
      {from === null ? null : (
        <del>
          <span class="visually-hidden">before: </span>
          <Value literal={from} />
        </del>
      )}
      {to === null ? null : (
        <ins>
          <span class="visually-hidden">now: </span>
          <Value literal={to} />
        </ins>
      )}
    </span>
  );
}
