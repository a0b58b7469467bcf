import type { UndoResult } from '../../src/http/contract/decision-routes.js';
import { StateWord } from '../parts/state-word.js';
import { ValueChange } from '../parts/value-change.js';
import { countText } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

type Step = UndoResult['steps'][number];

const kindWords: Readonly<Record<Step['kind'], StateWords>> = {
  insert: { tone: 'ok', word: 'comes back' },
  update: { tone: 'busy', word: 'changes back' },
  delete: { tone: 'bad', word: 'is deleted' },
};
const stepsShown = 200;

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
