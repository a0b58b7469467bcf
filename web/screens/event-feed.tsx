import { useSignal } from '@preact/signals';
import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import { call } from '../api/call.js';
import { Choice } from '../parts/choice.js';
import { Empty } from '../parts/empty.js';
import { EventList } from '../parts/event-list.js';
import { Loaded } from '../parts/loaded.js';
import { Pager } from '../parts/pager.js';
import { DatasetChoice, ServerChoice } from '../parts/name-choice.js';
import { Panel } from '../parts/panel.js';
import { liveActivity } from '../state/live.js';
import { ask, route } from '../state/route.js';
import { useResource } from '../state/resource.js';

type Level = ActivityEntry['level'];

const levels: readonly (readonly [Level, string])[] = [
  ['error', 'errors only'],
  ['warn', 'warnings and errors'],
  ['info', 'all but details'],
  ['debug', 'everything'],
];

/** What the engine did and met, as sentences. */
export function EventFeed() {
  const { query } = route.value;
  const level = levels.find(([each]) => each === query.get('level'))?.[0] ?? 'info';
  const server = query.get('server') ?? '';
  const dataset = query.get('dataset') ?? '';
  const page = useSignal(1);
  const about = `${level} ${server} ${dataset} ${page.value}`;
  // Only the first page moves by itself; nobody reads a page that is pushed away.
  const version = page.value === 1 ? (liveActivity.value[0]?.id ?? '') : '';
  const loaded = useResource(
    (signal) =>
      call('listLogs', {
        query: {
          page: page.value,
          level,
          server_id: server === '' ? undefined : server,
          dataset: dataset === '' ? undefined : dataset,
        },
        signal,
      }),
    { about, version },
  );
  const choose = (name: string, value: string): void => {
    page.value = 1;
    ask(name, value);
  };
  return (
    <Panel title="Events since this server started">
      <div class="filters">
        <Choice label="Show" value={level} options={levels} onChoose={(value) => choose('level', value)} />
        <ServerChoice value={server} onChoose={(value) => choose('server', value)} />
        <DatasetChoice value={dataset} onChoose={(value) => choose('dataset', value)} />
      </div>
      <Loaded resource={loaded} what="the events">
        {({ logs, pagination }) => (
          <>
            {logs.length === 0 ? <Empty title="No event fits these choices." /> : <EventList events={logs} />}
            <Pager pagination={pagination} what="events" onPage={(next) => (page.value = next)} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}
