import type { UndoResult } from '../../src/http/contract/decision-routes.js';
import { StateWord } from '../parts/state-word.js';
import { ValueChange } from '../parts/value-change.js';
import { countText, listText } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

type Step = UndoResult['steps'][number];

const kindWords: Readonly<Record<Step['kind'], StateWords>> = {
  insert: { tone: 'ok', word: 'comes back' },
  update: { tone: 'busy', word: 'changes back' },
  delete: { tone: 'bad', word: 'is deleted' },
};
const stepsShown = 200;

/** How much of what: who sees only the first of many rows must know what the rest is. */
export function undoSummary(steps: readonly Step[]): string {
  const count = (kind: Step['kind']): number =>
    steps.filter((step) => step.skipped === null && step.kind === kind).length;
  const said = (number: number, one: string, many: string): string[] =>
    number === 0 ? [] : [`${countText(number, 'row')} ${number === 1 ? one : many}`];
  const parts = [
    ...said(count('insert'), 'comes back', 'come back'),
    ...said(count('update'), 'changes back', 'change back'),
    ...said(count('delete'), 'is deleted', 'are deleted'),
    ...said(steps.filter(({ skipped }) => skipped !== null).length, 'stays', 'stay'),
  ];
  return `${listText(parts)}.`;
}

/** What taking back does to each row. */
export function UndoSteps({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <>
      <ul class="lines">
        {steps.slice(0, stepsShown).map((step) => (
          <li key={`${step.dataset} ${step.table} ${step.key} ${step.kind}`}>
            <div class="line-head">
              <StateWord {...(step.skipped === null ? kindWords[step.kind] : { tone: 'idle', word: 'stays' })} />
              <span>
                {step.dataset}: {visible(step.table)} <span class="mono">{visible(step.key)}</span>
              </span>
            </div>
            {step.skipped === null ? null : <p class="muted">{step.skipped}</p>}
            <dl class="cells">
              {step.cells.map(({ column, from, to }) => (
                <div key={column} class="cell">
                  <dt>{visible(column)}</dt>
                  <dd>
                    <ValueChange from={from} to={to} />
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
      {steps.length > stepsShown ? (
        <p class="muted">And {countText(steps.length - stepsShown, 'further change')}.</p>
      ) : null}
    </>
  );
}
