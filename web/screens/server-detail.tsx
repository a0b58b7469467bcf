import type { ActivityEntry } from '../../src/http/contract/activity-schemas.js';
import type { Server, ServerDataset } from '../../src/http/contract/server-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { EventList } from '../parts/event-list.js';
import { Facts, type Fact } from '../parts/facts.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { Skeleton } from '../parts/skeleton.js';
import { StateWord } from '../parts/state-word.js';
import { liveActivity, status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { ageText } from '../words/age-text.js';
import { capital, numberText } from '../words/count-text.js';
import { pendingText } from '../words/pending-text.js';
import { datasetStateWords, serverWords } from '../words/state-words.js';
import { ServerActions } from './server-actions.js';
import { ServerChart } from './server-chart.js';
import { pathTo } from '../state/route.js';

/** One server: how it stands, what it lacks, what went wrong, and what can be done with it. */
export function ServerDetail({ id }: { readonly id: string }) {
  const now = status.value;
  const server = now?.servers.find((each) => each.id === id);
  if (now === null) return <Skeleton what="the server" />;
  if (server === undefined)
    return (
      <>
        <ScreenHead title="No such server" />
        <Empty title="No server of the group has this id.">
          <p>
            <a href={pathTo(['servers'])}>All servers</a>
          </p>
        </Empty>
      </>
    );
  const words = serverWords(server);
  return (
    <>
      <ScreenHead title={server.name}>
        <StateWord {...words} />
        <ServerActions server={server} />
      </ScreenHead>
      {server.reason === null ? null : (
        <Notice tone={words.tone} title={capital(server.reason)}>
          {server.next_step === null ? null : <p>{server.next_step}</p>}
        </Notice>
      )}
      <Panel title="How it stands">
        <Facts facts={factsOf(server)} />
      </Panel>
      {server.is_self ? null : <DatasetPanel server={server} />}
      {server.is_self || server.state !== 'member' ? null : <ServerChart id={server.id} name={server.name} />}
      <ServerEvents id={id} name={server.name} />
    </>
  );
}

function factsOf(server: Server): readonly Fact[] {
  const { clock_offset_ms: offset, round_trip_ms: trip } = server;
  const own: readonly Fact[] = [
    ['Added', <Age key="added" at={server.created_at} />],
    ['Added by', server.added_by === '' ? '-' : server.added_by],
    ...(server.server_version === null ? [] : ([['Version', server.server_version]] as const)),
    ['Addresses', server.addresses.join(', ') || (server.base_url ?? '-')],
    ['Fingerprint of its key', <code key="key">{server.fingerprint ?? 'not known yet'}</code>],
  ];
  if (server.is_self) return own;
  return [
    ['In this state for', <Age key="since" at={server.since} isSpan />],
    ['Last heard', <Age key="heard" at={server.last_ping} />],
    ['Last acknowledged', <Age key="acknowledged" at={server.last_sync} />],
    ['Connected to', server.connected_to ?? '-'],
    ['Round trip', trip === null ? '-' : `${trip.toFixed(1)} ms`],
    ['Its clock', offset === null ? 'not known' : clockText(offset)],
    ['Attempts that failed in a row', numberText(server.retry_attempts)],
    ...own,
  ];
}

function clockText(offsetMs: number): string {
  if (Math.abs(offsetMs) < 1_000) return 'agrees with this one within a second';
  return `${ageText(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead of' : 'behind'} this one`;
}

function DatasetPanel({ server }: { readonly server: Server }) {
  return (
    <Panel title="Its datasets, compared with this server">
      {server.datasets.length === 0 ? (
        <Empty title="Nothing is compared yet.">
          <p>Datasets of the same name on both servers stand here as soon as both have talked.</p>
        </Empty>
      ) : (
        <DataTable
          caption={`Datasets of ${server.name}`}
          columns={datasetColumns}
          rows={server.datasets}
          rowKey={({ dataset }) => dataset}
        />
      )}
    </Panel>
  );
}

const datasetColumns: readonly Column<ServerDataset>[] = [
  { name: 'Dataset', order: ({ dataset }) => dataset, cell: ({ dataset }) => dataset },
  { name: 'State', cell: ({ state }) => <StateWord {...datasetStateWords[state]} /> },
  { name: 'Last proof', cell: ({ proven_at: at }) => <Age at={at} withClock /> },
  {
    name: 'Rows in it',
    isNumber: true,
    cell: ({ proven_rows: rows }) => (rows === null ? '-' : numberText(rows)),
  },
  { name: 'On its way', cell: (dataset) => pendingText(dataset) || <span class="muted">nothing</span> },
  {
    name: 'Why, and what to do',
    cell: ({ reason, next_step: nextStep }) =>
      reason === null ? <span class="muted">-</span> : `${reason} ${nextStep ?? ''}`,
  },
];

function ServerEvents({ id, name }: { readonly id: string; readonly name: string }) {
  const about = `events of ${id}`;
  const newest = liveActivity.value.find(({ server_id: of }) => of === id)?.id ?? '';
  const loaded = useResource((signal) => call('getServer', { params: { id }, signal }), { about, version: newest });
  return (
    <Panel title="What happened with it">
      <Loaded resource={loaded} what="its events">
        {({ activity }) =>
          activity.length === 0 ? (
            <Empty title={`Nothing about ${name} since this server started.`} />
          ) : (
            <EventList events={activity.filter(isOfInterest)} />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** Each proof and each round of the list of servers is a detail, which the events of Activity hold. */
const isOfInterest = ({ level, dataset }: ActivityEntry): boolean =>
  level !== 'debug' && dataset?.startsWith('_') !== true;
