import { useSignal } from '@preact/signals';
import type { JoinResult } from '../../src/http/contract/server-routes.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Field } from '../parts/field.js';
import { JobProgress } from '../parts/job-progress.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { SubmitForm } from '../parts/submit-form.js';
import { useJob } from '../state/job.js';
import { say } from '../state/said.js';
import { failureOf } from '../api/failure.js';
import { listText, numberText } from '../words/count-text.js';

/** This server joins the group of another one: first what that would do, then the join. */
export function JoinGroup() {
  const code = useSignal('');
  const preview = useJob();
  const joining = useJob();
  const begin = async (job: typeof preview, body: Parameters<typeof joinBody>[1]): Promise<void> => {
    try {
      await job.start(() => call('joinGroup', { body: joinBody(code.value, body) }));
    } catch (error) {
      const { message, nextStep, code: errorCode } = failureOf(error);
      say('bad', message, { nextStep, code: errorCode });
    }
  };
  const result = preview.job?.state === 'done' ? (preview.job.result as JoinResult) : null;
  return (
    <Panel title="Or: this server joins a group">
      <SubmitForm verb="Show what joining would do" onSubmit={() => begin(preview, { dry_run: true })}>
        <Field
          label="Code of the group"
          value={code.value}
          onInput={(value) => (code.value = value)}
          hint='Made on a server of the group, here or with "usync invite".'
          isRequired
        />
      </SubmitForm>
      {preview.job === null ? null : <JobProgress job={preview.job} />}
      {joining.job === null ? null : <JobProgress job={joining.job} />}
      {result === null || joining.job?.state === 'done' ? null : (
        <JoinPreview result={result} onJoin={(choice) => begin(joining, choice === null ? {} : { choice })} />
      )}
    </Panel>
  );
}

type Choice = 'same-rows' | 'distinct-rows';

function joinBody(code: string, more: { readonly dry_run?: boolean; readonly choice?: Choice }) {
  return { code: code.trim(), ...more };
}

interface JoinPreviewProps {
  readonly result: JoinResult;
  readonly onJoin: (choice: Choice | null) => Promise<void>;
}

function JoinPreview({ result, onJoin }: JoinPreviewProps) {
  const isUnclear = result.datasets.some(({ preview }) => preview?.is_unclear === true);
  const rows = result.datasets.flatMap(({ dataset, preview }) =>
    (preview?.tables ?? []).map((table) => ({ dataset, ...table })),
  );
  return (
    <>
      <p>
        Invited by {result.invited_by}. Datasets: {listText(result.datasets.map(({ dataset }) => dataset))}.
      </p>
      {rows.length === 0 ? null : (
        <DataTable
          caption="What joining would do"
          columns={previewColumns}
          rows={rows}
          rowKey={({ dataset, table }) => `${dataset} ${table}`}
        />
      )}
      {isUnclear ? (
        <Notice tone="wait" title="Rows with equal generated numbers stand on both sides. Are they the same rows?">
          <div class="actions">
            <Button onPress={() => onJoin('same-rows')}>They are the same rows: join</Button>
            <Button onPress={() => onJoin('distinct-rows')}>
              They are different rows: join, with new numbers here
            </Button>
          </div>
        </Notice>
      ) : (
        <div class="actions">
          <Button look="first" onPress={() => onJoin(null)}>
            Join
          </Button>
        </div>
      )}
    </>
  );
}

type PreviewRow = { readonly dataset: string } & NonNullable<
  JoinResult['datasets'][number]['preview']
>['tables'][number];

const previewColumns: readonly Column<PreviewRow>[] = [
  { name: 'Table', cell: ({ dataset, table }) => `${dataset}: ${table}` },
  { name: 'Same', isNumber: true, cell: ({ same }) => numberText(same) },
  { name: 'Differing', isNumber: true, cell: ({ differing }) => numberText(differing) },
  { name: 'Apart', isNumber: true, cell: ({ apart }) => numberText(apart) },
  { name: 'Only here', isNumber: true, cell: ({ only_here: count }) => numberText(count) },
  { name: 'Only there', isNumber: true, cell: ({ only_there: count }) => numberText(count) },
];
