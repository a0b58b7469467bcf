import type { Server, ServerDataset } from '../../src/http/contract/server-schemas.js';
import type { Status } from '../../src/http/contract/status-schemas.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { StateWord } from '../parts/state-word.js';
import { pathTo } from '../state/route.js';
import { countText } from '../words/count-text.js';
import { datasetStateWords, serverWords } from '../words/state-words.js';
import { pendingText } from '../words/pending-text.js';

/** Above so many datasets a table with a column each is no help; then a server has one summing line. */
const datasetsMax = 4;

/** Per server and dataset: does it hold the same, since when is that known, what is on its way. */
export function HoldMatrix({ status }: { readonly status: Status }) {
  const others = status.servers.filter(({ is_self: isSelf, state }) => !isSelf && state !== 'removed');
  if (others.length === 0)
    return (
      <Empty title="No other server yet.">
        <p>Each server of the group stands here with what it holds of each dataset.</p>
      </Empty>
    );
  const names = status.datasets.map(({ name }) => name);
  const columns: Column<Server>[] = [
    {
      name: 'Server',
      order: ({ name }) => name,
      cell: (server) => (
        <>
          <a href={pathTo(['servers', server.id])}>{server.name}</a> <StateWord {...serverWords(server)} />
        </>
      ),
    },
    ...(names.length <= datasetsMax ? names.map((name) => datasetColumn(name)) : [sumColumn]),
  ];
  return <DataTable caption="What each server holds" columns={columns} rows={others} rowKey={({ id }) => id} />;
}

function datasetColumn(name: string): Column<Server> {
  return {
    name,
    cell: (server) => {
      const dataset = server.datasets.find((each) => each.dataset === name);
      return dataset === undefined ? <span class="muted">not carried</span> : <Held dataset={dataset} />;
    },
  };
}

const sumColumn: Column<Server> = {
  name: 'Datasets',
  cell: ({ datasets }) => {
    const carried = datasets.filter(({ state }) => state !== 'not-carried');
    const same = carried.filter(({ state }) => state === 'proven').length;
    return `${same} of ${countText(carried.length, 'dataset')} proven the same`;
  },
};

function Held({ dataset }: { readonly dataset: ServerDataset }) {
  const pending = pendingText(dataset);
  return (
    <div class="held">
      <StateWord {...datasetStateWords[dataset.state]} />
      <span class="muted small">
        {dataset.state === 'proven' ? (
          <>
            proven <Age at={dataset.proven_at} />
          </>
        ) : pending === '' ? (
          (dataset.reason ?? '')
        ) : (
          pending
        )}
      </span>
    </div>
  );
}
