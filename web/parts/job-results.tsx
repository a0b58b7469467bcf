import type { Job } from '../../src/http/contract/job-schemas.js';
import { visible } from '../words/visible.js';
import { JobProgress } from './job-progress.js';
import { StateWord } from './state-word.js';

/** Work and what became of each part of it, as far as it got: also of work that was cancelled or failed half-way. */
export function JobResults({ job }: { readonly job: Job }) {
  return (
    <>
      <JobProgress job={job} />
      {job.results.length === 0 ? null : <Results results={job.results} />}
    </>
  );
}

function Results({ results }: Pick<Job, 'results'>) {
  return (
    <ul class="lines">
      {results.map(({ item, ok, message, code }) => (
        <li key={item}>
          <div class="line-head">
            <StateWord {...(ok ? { tone: 'ok', word: 'done' } : { tone: 'wait', word: 'not done' })} />
            <strong>{visible(item)}</strong>
            {code === null ? null : <code class="end">{code}</code>}
          </div>
          <p class="muted">{visible(message)}</p>
        </li>
      ))}
    </ul>
  );
}
