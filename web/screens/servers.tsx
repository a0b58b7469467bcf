import { useSignal } from '@preact/signals';
import type { Server } from '../../src/http/contract/server-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Field } from '../parts/field.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { Skeleton } from '../parts/skeleton.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { pathTo, route } from '../state/route.js';
import { may, roleObstacle } from '../state/session.js';
import { tellEnd } from '../state/tell-end.js';
import { pendingText } from '../words/pending-text.js';
import { serverWords } from '../words/state-words.js';
import { AddServer } from './add-server.js';
import { ServerDetail } from './server-detail.js';

/** Above so many servers the list can be searched. */
const searchFrom = 8;

export function ServersScreen() {
  const [, id] = route.value.parts;
  if (id === 'add') return <AddServer />;
  if (id !== undefined) return <ServerDetail key={id} id={id} />;
  return <ServerList />;
}

function ServerList() {
  const now = status.value;
  const isAlone = now?.servers.length === 1;
  return (
    <>
      <ScreenHead title="Servers" lead="Which server is down, since when, and what it still lacks.">
        <Button
          obstacle={roleObstacle('operator') ?? (isAlone ? 'There is no other server yet.' : null)}
          onPress={async () => {
            const { job } = await call('syncAll', {});
            tellEnd(job);
          }}
        >
          Sync all now
        </Button>
        {may('admin') ? (
          <a class="button first" href={pathTo(['servers', 'add'])}>
            Add a server
          </a>
        ) : null}
      </ScreenHead>
      {now === null ? <Skeleton what="the servers" /> : <ServerTable servers={now.servers} />}
    </>
  );
}

function ServerTable({ servers }: { readonly servers: readonly Server[] }) {
  const sought = useSignal('');
  const text = sought.value.trim().toLocaleLowerCase();
  const found = servers.filter(({ name, addresses }) =>
    [name, ...addresses].some((each) => each.toLocaleLowerCase().includes(text)),
  );
  return (
    <Panel title="The group">
      {servers.length > searchFrom ? (
        <Field label="Search" type="search" value={sought.value} onInput={(value) => (sought.value = value)} />
      ) : null}
      {found.length === 0 ? (
        <Empty title="No server has this name or address." />
      ) : (
        <DataTable caption="Servers of the group" columns={columns} rows={found} rowKey={({ id }) => id} />
      )}
      {servers.length > 1 ? null : (
        <Empty title="No other server yet.">
          <p>
            {may('admin')
              ? 'Add one: it joins with a code that is made here.'
              : 'An admin can add one, with a code that is made here.'}
          </p>
        </Empty>
      )}
    </Panel>
  );
}

const columns: readonly Column<Server>[] = [
  { name: 'Server', order: ({ name }) => name, cell: ({ id, name }) => <a href={pathTo(['servers', id])}>{name}</a> },
  {
    name: 'State',
    order: (server) => serverWords(server).word,
    cell: (server) => (
      <>
        <StateWord {...serverWords(server)} />{' '}
        {server.since === null || server.is_self ? null : (
          <span class="muted small">
            for <Age at={server.since} isSpan />
          </span>
        )}
      </>
    ),
  },
  {
    name: 'Last contact',
    order: ({ last_ping: at }) => at ?? '',
    cell: (server) => (server.is_self ? <span class="muted">this server</span> : <Age at={server.last_ping} />),
  },
  { name: 'On its way', cell: (server) => <Waiting server={server} /> },
  {
    name: 'Round trip',
    isNumber: true,
    order: ({ round_trip_ms: ms }) => ms ?? Infinity,
    cell: ({ round_trip_ms: ms }) => (ms === null ? <span class="muted">-</span> : `${ms.toFixed(1)} ms`),
  },
  { name: 'Address', cell: (server) => server.connected_to ?? server.addresses[0] ?? server.base_url ?? '-' },
];

function Waiting({ server }: { readonly server: Server }) {
  if (server.is_self || server.state !== 'member') return <span class="muted">-</span>;
  const texts = server.datasets.flatMap((dataset) => {
    const text = pendingText(dataset);
    return text === '' ? [] : [`${dataset.dataset}: ${text}`];
  });
  if (texts.length > 0) return <>{texts.join('; ')}</>;
  return <span class="muted">{server.connection === 'connected' ? 'nothing' : 'not known'}</span>;
}
