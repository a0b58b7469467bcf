import { useSignal } from '@preact/signals';
import type { UndoResult } from '../../src/http/contract/decision-routes.js';
import { call } from '../api/call.js';
import { failureOf } from '../api/failure.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { Confirm } from '../parts/confirm.js';
import { Empty } from '../parts/empty.js';
import { Field } from '../parts/field.js';
import { JobProgress } from '../parts/job-progress.js';
import { JobResults } from '../parts/job-results.js';
import { DatabaseChoice } from '../parts/name-choice.js';
import { Panel } from '../parts/panel.js';
import { SubmitForm } from '../parts/submit-form.js';
import { status } from '../state/live.js';
import { useJob, type FollowedJob } from '../state/job.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { countText, listText } from '../words/count-text.js';
import { undoSummary, UndoSteps } from './undo-steps.js';

const hourMs = 3_600_000;

/** Takes back what one server wrote since a time: first what that would change, then the change. */
export function UndoPanel() {
  const server = useSignal('');
  const since = useSignal(localTime(Date.now() - hourMs));
  const dataset = useSignal('');
  const preview = useJob();
  const undoing = useJob();
  const isAsking = useSignal(false);
  const servers = (status.value?.servers ?? []).filter(({ state }) => state === 'member' || state === 'removed');
  const chosen = servers.find(({ id }) => id === server.value) ?? servers[0];
  const result = preview.job?.state === 'done' ? (preview.job.result as UndoResult) : null;
  const begin = async (job: FollowedJob, way: 'undo' | 'previewUndo'): Promise<void> => {
    if (chosen === undefined) return;
    const at = new Date(since.value).toISOString();
    const body = { server: chosen.id, since: at, ...(dataset.value === '' ? {} : { dataset: dataset.value }) };
    try {
      await job.start(() => call(way, { body }));
    } catch (error) {
      const { message, nextStep, code } = failureOf(error);
      say('bad', message, { nextStep, code });
    }
  };
  return (
    <Panel title="Take back what one server wrote">
      <SubmitForm
        verb="Show what would change"
        obstacle={roleObstacle('operator')}
        onSubmit={async () => {
          undoing.forget();
          await begin(preview, 'previewUndo');
        }}
      >
        <div class="filters">
          <Choice
            label="Written on"
            value={chosen?.id ?? ''}
            options={servers.map(({ id, name }) => [id, name] as const)}
            onChoose={(value) => (server.value = value)}
          />
          <Field
            label="Since"
            type="datetime-local"
            value={since.value}
            onInput={(value) => (since.value = value)}
            isRequired
          />
          <DatabaseChoice value={dataset.value} onChoose={(value) => (dataset.value = value)} />
        </div>
      </SubmitForm>
      {preview.job === null || undoing.job !== null ? null : <JobProgress job={preview.job} />}
      {undoing.job === null ? null : <JobResults job={undoing.job} />}
      {result === null || undoing.job !== null ? null : (
        <Preview result={result} onApply={() => (isAsking.value = true)} />
      )}
      {isAsking.value && result !== null ? (
        <Confirm
          title={`Take back ${takenBack(result)} of ${result.server}?`}
          verb="Take back on every server"
          isDanger
          onClose={() => (isAsking.value = false)}
          onConfirm={() => begin(undoing, 'undo')}
        >
          <p>It is an edit like any other: it spreads to every server, and it stands in the history.</p>
        </Confirm>
      ) : null}
    </Panel>
  );
}

function Preview({ result, onApply }: { readonly result: UndoResult; readonly onApply: () => void }) {
  const { server, steps, left_out: folders } = result;
  const leftOut =
    folders.length === 0 ? null : (
      <p class="muted">
        Left out: {listText(folders.map((name) => `the folder ${name}`))}. Files are put back one by one, from the
        history of their folder.
      </p>
    );
  if (steps.length === 0)
    return <Empty title={`${server} wrote nothing since then that can be taken back.`}>{leftOut}</Empty>;
  return (
    <>
      <p>{undoSummary(steps)}</p>
      {leftOut}
      <div class="actions">
        <Button look="danger" obstacle={obstacleOf(result) ?? roleObstacle('admin')} onPress={onApply}>
          Take back {takenBack(result)}
        </Button>
      </div>
      <UndoSteps steps={steps} />
    </>
  );
}

const obstacleOf = ({ steps }: UndoResult): string | null =>
  steps.some(({ skipped }) => skipped === null) ? null : 'Nothing of it can be taken back.';

const takenBack = ({ steps }: UndoResult): string =>
  countText(steps.filter(({ skipped }) => skipped === null).length, 'change');

/** As a field for date and time takes it: in the time of this device. */
function localTime(atMs: number): string {
  const offsetMs = new Date(atMs).getTimezoneOffset() * 60_000;
  return new Date(atMs - offsetMs).toISOString().slice(0, 19);
}
