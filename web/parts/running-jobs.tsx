import { liveJobs } from '../state/live.js';
import { JobProgress } from './job-progress.js';
import { Panel } from './panel.js';

/** Work that goes on, on whatever screen it was begun. */
export function RunningJobs() {
  const running = [...liveJobs.value.values()].filter(({ state }) => state === 'running');
  if (running.length === 0) return null;
  return (
    <Panel title="Working">
      {running.map((job) => (
        <JobProgress key={job.id} job={job} />
      ))}
    </Panel>
  );
}
