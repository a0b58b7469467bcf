import { EventList } from '../parts/event-list.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { ProblemList } from '../parts/problem-list.js';
import { RunningJobs } from '../parts/running-jobs.js';
import { Skeleton } from '../parts/skeleton.js';
import { call } from '../api/call.js';
import { liveActivity, status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { Headline } from './headline.js';
import { HoldMatrix } from './hold-matrix.js';
import { pathTo } from '../state/route.js';

const eventsShown = 8;

/** Is everything in sync, what is not, why, and what to press. */
export function OverviewScreen() {
  const now = status.value;
  if (now === null)
    return (
      <>
        <h1 class="visually-hidden">Overview</h1>
        <Skeleton what="the status" />
      </>
    );
  return (
    <>
      <Headline status={now} />
      <RunningJobs />
      {now.problems.length === 0 ? null : (
        <Panel
          title={
            now.problems.length === 1
              ? 'What is not as it should be'
              : `${now.problems.length} things are not as they should be`
          }
        >
          <ProblemList problems={now.problems} />
        </Panel>
      )}
      <Panel title="Who holds the same as this server" aside={<a href={pathTo(['servers'])}>All servers</a>}>
        <HoldMatrix status={now} />
      </Panel>
      <NewestEvents />
    </>
  );
}

function NewestEvents() {
  const live = liveActivity.value;
  const past = useResource(
    (signal) => call('listLogs', { query: { per_page: eventsShown * 2, level: 'info' }, signal }),
    {
      about: 'newest',
      version: live[0]?.id ?? '',
    },
  );
  return (
    <Panel title="What happened last" aside={<a href={pathTo(['activity', 'events'])}>All events</a>}>
      <Loaded resource={past} what="the newest events">
        {({ logs }) =>
          logs.length === 0 ? (
            <Empty title="Nothing yet since this server started." />
          ) : (
            <EventList events={logs.filter(({ dataset }) => dataset?.startsWith('_') !== true).slice(0, eventsShown)} />
          )
        }
      </Loaded>
    </Panel>
  );
}
