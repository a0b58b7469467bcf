import type { Dataset } from '../../src/http/contract/status-schemas.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { Skeleton } from '../parts/skeleton.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { pathTo, route } from '../state/route.js';
import { bytesText, numberText } from '../words/count-text.js';
import { syncStateWords } from '../words/state-words.js';
import { DatasetDetail } from './dataset-detail.js';
import { VerifyPanel } from './verify-panel.js';

/** What is kept identical, and the proof. */
export function DataScreen() {
  const [, name] = route.value.parts;
  if (name !== undefined) return <DatasetDetail key={name} name={name} />;
  const datasets = status.value?.datasets;
  return (
    <>
      <ScreenHead title="Data" lead="The databases and folders that are kept identical, and the proof of it." />
      <Panel title="Datasets">
        {datasets === undefined ? (
          <Skeleton what="the datasets" />
        ) : datasets.length === 0 ? (
          <Empty title="No dataset is set up.">
            <p>
              <code>usync init</code> finds the databases of an application and writes the configuration.
            </p>
          </Empty>
        ) : (
          <DataTable caption="Datasets" columns={columns} rows={datasets} rowKey={({ name: key }) => key} />
        )}
      </Panel>
      <VerifyPanel dataset={null} />
    </>
  );
}

const columns: readonly Column<Dataset>[] = [
  { name: 'Dataset', order: ({ name }) => name, cell: ({ name }) => <a href={pathTo(['data', name])}>{name}</a> },
  { name: 'State', order: ({ state }) => state, cell: ({ state }) => <StateWord {...syncStateWords[state]} /> },
  { name: 'Proven with all', cell: ({ proven_at: at }) => <Age at={at} never="not yet" /> },
  { name: 'Kind', cell: ({ kind }) => kind },
  { name: 'Rows or files', isNumber: true, order: ({ rows }) => rows, cell: ({ rows }) => numberText(rows) },
  { name: 'Held back', isNumber: true, order: ({ held }) => held, cell: ({ held }) => numberText(held) },
  {
    name: 'Journal',
    isNumber: true,
    order: ({ journal_bytes: bytes }) => bytes,
    cell: ({ journal_bytes: bytes }) => bytesText(bytes),
  },
];
