import { useSignal } from '@preact/signals';
import type { VerifyResult } from '../../src/http/contract/data-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { Check } from '../parts/check.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { JobProgress } from '../parts/job-progress.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { useJob } from '../state/job.js';
import { roleObstacle } from '../state/session.js';
import { numberText } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

type Comparison = VerifyResult['comparisons'][number];

const resultWords: Readonly<Record<Comparison['result'], StateWords>> = {
  equal: { tone: 'ok', word: 'equal' },
  differs: { tone: 'bad', word: 'differs' },
  behind: { tone: 'busy', word: 'on its way' },
  unreachable: { tone: 'wait', word: 'not reached' },
};

/** Compares now, with every server that is reached; where something differs, it names the rows. Null: all datasets. */
export function VerifyPanel({ dataset }: { readonly dataset: string | null }) {
  const withAudit = useSignal(false);
  const { job, isRunning, start } = useJob();
  const result = job?.state === 'done' ? (job.result as VerifyResult) : null;
  const body = { audit: withAudit.value, ...(dataset === null ? {} : { dataset }) };
  return (
    <Panel
      title="Verify"
      aside={
        <Button
          look="first"
          obstacle={roleObstacle('operator') ?? (isRunning ? 'It is running.' : null)}
          onPress={() => start(() => call('verify', { body }))}
        >
          Verify now
        </Button>
      }
    >
      <p class="muted">Compares the content with every connected server.</p>
      <Check
        label="Also read every row here again (slow; finds what nobody told of)"
        isChecked={withAudit.value}
        onChange={(isChecked) => (withAudit.value = isChecked)}
      />
      {job === null ? null : <JobProgress job={job} />}
      <div role="status">{result === null ? null : <Result result={result} />}</div>
    </Panel>
  );
}

/** Where nothing was compared, nothing is proven. */
function titleOf({ is_equal: isEqual, comparisons }: VerifyResult): string {
  if (comparisons.length === 0) return 'There is no other server to compare with.';
  return isEqual ? 'All that was compared is equal.' : 'Not everything is proven equal.';
}

function Result({ result }: { readonly result: VerifyResult }) {
  const { is_equal: isEqual, at, comparisons, audits } = result;
  const differing = audits.reduce((sum, audit) => sum + audit.differing, 0);
  return (
    <>
      <Notice tone={isEqual && comparisons.length > 0 ? 'ok' : 'wait'} title={titleOf(result)}>
        <p>
          Compared <Age at={at} withClock />, in {numberText(Math.round(result.took_ms))} ms.
          {audits.length === 0
            ? ''
            : ` Read again: ${numberText(audits.reduce((sum, { rows }) => sum + rows, 0))} rows, ${numberText(differing)} of them other than kept.`}
        </p>
      </Notice>
      <DataTable
        caption="Comparisons"
        columns={columns}
        rows={comparisons}
        rowKey={({ dataset, server }) => `${dataset} ${server}`}
      />
      {comparisons.map((comparison) =>
        comparison.tables.length === 0 ? null : (
          <Differences key={`${comparison.dataset} ${comparison.server}`} comparison={comparison} />
        ),
      )}
    </>
  );
}

const columns: readonly Column<Comparison>[] = [
  { name: 'Dataset', order: ({ dataset }) => dataset, cell: ({ dataset }) => dataset },
  { name: 'With', order: ({ server }) => server, cell: ({ server }) => server },
  { name: 'Result', cell: ({ result }) => <StateWord {...resultWords[result]} /> },
  { name: 'Rows', isNumber: true, cell: ({ rows }) => numberText(rows) },
  {
    name: 'Why, and what to do',
    cell: ({ reason, next_step: nextStep }) =>
      reason === null ? <span class="muted">-</span> : `${reason} ${nextStep ?? ''}`,
  },
];

const whereText = {
  here: 'only here',
  there: 'only there',
  both: 'on both, with other content',
} as const;

function Differences({ comparison }: { readonly comparison: Comparison }) {
  return (
    <details>
      <summary>
        What differs in {comparison.dataset} from {comparison.server}
      </summary>
      <ul class="lines">
        {comparison.tables.map(({ table, rows_here: here, rows_there: there, rows, is_complete: isComplete }) => (
          <li key={table}>
            <strong>{visible(table)}</strong>
            <span class="muted">
              {numberText(here)} rows here, {numberText(there)} there
            </span>
            <ul>
              {rows.map(({ key, where }) => (
                <li key={key}>
                  <span class="mono">{visible(key)}</span>: {whereText[where]}
                </li>
              ))}
            </ul>
            {isComplete ? null : <span class="muted">and more</span>}
          </li>
        ))}
      </ul>
    </details>
  );
}
