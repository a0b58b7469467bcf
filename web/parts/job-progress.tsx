import type { Job } from '../../src/http/contract/job-schemas.js';
import { call } from '../api/call.js';
import { takeJob } from '../state/live.js';
import { roleObstacle } from '../state/session.js';
import { jobStateWords } from '../words/state-words.js';
import { Button } from './button.js';
import { Notice } from './notice.js';
import { ProgressLine } from './progress-line.js';
import { StateWord } from './state-word.js';

/** Long work with how far it is, how fast, and how long it still takes; or what became of it. */
export function JobProgress({ job }: { readonly job: Job }) {
  if (job.error !== null)
    return (
      <Notice tone="bad" title={`${job.title}: ${job.error.error}`} code={job.error.code}>
        <p>{job.error.next_step}</p>
      </Notice>
    );
  const isRunning = job.state === 'running';
  return (
    <div class="job">
      <div class="line-head">
        <strong>{job.title}</strong>
        <StateWord {...jobStateWords[job.state]} />
        {isRunning ? (
          <span class="end">
            <Button
              isSmall
              about={job.title}
              obstacle={roleObstacle('operator')}
              onPress={async () => takeJob(await call('cancelJob', { params: { id: job.id } }))}
            >
              Cancel
            </Button>
          </span>
        ) : null}
      </div>
      {isRunning ? (
        <ProgressLine label={job.title} progress={job.progress} />
      ) : (
        <p class="muted small">{job.progress.text}</p>
      )}
    </div>
  );
}
