import { liveJobs, status } from '../state/live.js';
import { JobProgress } from './job-progress.js';
import { Panel } from './panel.js';
import { ProgressLine } from './progress-line.js';

/** Work that goes on, on whatever screen it was begun, or by itself. */
export function RunningJobs() {
  const running = [...liveJobs.value.values()].filter(({ state }) => state === 'running');
  // Joining tells of the same work itself.
  const isJoining = running.some(({ kind }) => kind === 'join');
  const working = isJoining ? [] : (status.value?.datasets ?? []).filter(({ work }) => work !== null);
  if (running.length + working.length === 0) return null;
  return (
    <Panel title="Working">
      {running.map((job) => (
        <JobProgress key={job.id} job={job} />
      ))}
      {working.map(({ name, work }) =>
        work === null ? null : (
          <div key={name} class="job">
            <strong>{name}</strong>
            <ProgressLine label={name} progress={work} />
          </div>
        ),
      )}
    </Panel>
  );
}
