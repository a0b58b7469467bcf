import type { Problem } from '../../src/http/contract/shared-schemas.js';
import { capital } from '../words/count-text.js';
import { Age } from './age.js';
import { Notice } from './notice.js';
import { visible } from '../words/visible.js';

/** What is not as it should be: on what, why, what to do, since when. */
export function ProblemList({ problems }: { readonly problems: readonly Problem[] }) {
  return (
    <ul class="problems">
      {problems.map((problem) => (
        <li key={`${problem.code} ${problem.subject}`}>
          <Notice
            tone={problem.level === 'error' ? 'bad' : 'wait'}
            title={visible(`${capital(problem.subject)}: ${problem.reason}`)}
            code={problem.code}
          >
            <p>{problem.next_step}</p>
            <p class="muted small">
              Since <Age at={problem.since} withClock />
              {problem.count > 1 ? `, ${problem.count} times` : ''}
            </p>
          </Notice>
        </li>
      ))}
    </ul>
  );
}
