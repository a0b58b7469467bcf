import type { Table } from '../../src/http/contract/data-routes.js';
import type { RouteOutput } from '../../src/http/contract/route-table.js';
import type { Dataset } from '../../src/http/contract/status-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Facts, type Fact } from '../parts/facts.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { pathTo } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { bytesText, listText, numberText } from '../words/count-text.js';
import { datasetStateWords, syncStateWords } from '../words/state-words.js';
import type { StateWords } from '../words/tone.js';
import { VerifyPanel } from './verify-panel.js';
import { visible } from '../words/visible.js';

/** One dataset: its tables, the proof of each server, and what the proof does not speak of. */
export function DatasetDetail({ name }: { readonly name: string }) {
  const live = status.value?.datasets.find((each) => each.name === name);
  const loaded = useResource((signal) => call('listTables', { params: { dataset: name }, signal }), {
    about: name,
    version: `${live?.proven_at ?? ''} ${live?.rows ?? 0}`,
  });
  return (
    <>
      <ScreenHead title={name}>
        {live === undefined ? null : <StateWord {...syncStateWords[live.state]} />}
        {live?.kind === 'folder' ? (
          <a class="button" href={pathTo(['files', name])}>
            Its files
          </a>
        ) : null}
        <a class="button" href={pathTo(['activity'], { dataset: name })}>
          Its changes
        </a>
      </ScreenHead>
      <Loaded resource={loaded} what="the tables">
        {(data) => <Inside data={data} />}
      </Loaded>
      <VerifyPanel dataset={name} />
    </>
  );
}

function Inside({ data }: { readonly data: RouteOutput<'listTables'> }) {
  const { dataset, tables, proofs } = data;
  return (
    <>
      <NotSpokenOf dataset={dataset} />
      <Panel title="How it stands">
        <Facts facts={factsOf(dataset)} />
      </Panel>
      <Panel title="The proof of each server">
        {proofs.length === 0 ? (
          <Empty title="No other server carries it." />
        ) : (
          <DataTable caption="Proofs" columns={proofColumns} rows={proofs} rowKey={({ server }) => server} />
        )}
      </Panel>
      {dataset.kind === 'folder' ? null : (
        <Panel title="Tables">
          <DataTable caption="Tables" columns={tableColumns} rows={tables} rowKey={({ name }) => name} />
        </Panel>
      )}
    </>
  );
}

function NotSpokenOf({ dataset }: { readonly dataset: Dataset }) {
  const { left_out: leftOut, not_compared: notCompared, self_test: selfTest } = dataset;
  return (
    <>
      {selfTest.kind === 'failed' ? (
        <Notice tone="bad" title="The self-test of capture failed.">
          <p>{selfTest.reason}</p>
        </Notice>
      ) : null}
      {leftOut.length === 0 ? null : (
        <Notice tone="idle" title="Left out by the rules of this server">
          <p>{listText(leftOut)}</p>
        </Notice>
      )}
      {notCompared.length === 0 ? null : (
        <Notice tone="wait" title="Not compared, since columns differ between servers">
          <p>{listText(notCompared)}. Run the migrations of the application on every server.</p>
        </Notice>
      )}
    </>
  );
}

function factsOf(dataset: Dataset): readonly Fact[] {
  const { last_audit: audit, self_test: selfTest } = dataset;
  return [
    ['Kind', dataset.kind],
    ['Place', <code key="place">{dataset.place}</code>],
    ['Proven with all', <Age key="proven" at={dataset.proven_at} never="not yet" withClock />],
    [dataset.kind === 'folder' ? 'Files and folders' : 'Rows', numberText(dataset.rows)],
    ['Held back here', numberText(dataset.held)],
    ['Last written here', <Age key="captured" at={dataset.last_capture} />],
    ['Last merged from others', <Age key="merged" at={dataset.last_merge} />],
    ['Journal', bytesText(dataset.journal_bytes)],
    [
      'Last audit',
      audit === null ? (
        'none yet'
      ) : (
        <span key="audit">
          <Age at={audit.at} />: {numberText(audit.rows)} rows, {numberText(audit.differing)} other than kept
        </span>
      ),
    ],
    ['Self-test', selfTest.kind === 'not-run' ? 'not run yet' : selfTest.kind],
    ['Journal mode', dataset.journal_mode ?? '-'],
    ['Origin', <code key="origin">{dataset.origin ?? '-'}</code>],
  ];
}

const proofColumns: readonly Column<RouteOutput<'listTables'>['proofs'][number]>[] = [
  { name: 'Server', order: ({ server }) => server, cell: ({ server }) => server },
  {
    name: 'State',
    cell: ({ state }) => <StateWord {...proofWords(state)} />,
  },
  { name: 'Last proof', cell: ({ proven_at: at }) => <Age at={at} withClock /> },
  { name: 'Why not', cell: ({ reason }) => reason ?? <span class="muted">-</span> },
];

const proofWords = (state: string): StateWords =>
  Object.entries(datasetStateWords).find(([name]) => name === state)?.[1] ?? { tone: 'idle', word: state };

const tableColumns: readonly Column<Table>[] = [
  { name: 'Table', order: ({ name }) => name, cell: ({ name }) => visible(name) },
  {
    name: 'Synced',
    order: ({ is_synced: isSynced }) => (isSynced ? 0 : 1),
    cell: ({ is_synced: isSynced }) => (
      <StateWord {...(isSynced ? { tone: 'ok', word: 'yes' } : { tone: 'wait', word: 'no' })} />
    ),
  },
  { name: 'Rows', isNumber: true, order: ({ rows }) => rows, cell: ({ rows }) => numberText(rows) },
  { name: 'Held back', isNumber: true, order: ({ held }) => held, cell: ({ held }) => numberText(held) },
  { name: 'Key', cell: ({ key_kind: kind }) => kind },
  { name: 'Equal unique values', cell: ({ rule }) => rule || <span class="muted">-</span> },
  { name: 'Digest', cell: ({ digest }) => <code title={digest ?? ''}>{digest?.slice(0, 12) ?? '-'}</code> },
  { name: 'Remark', cell: ({ remark }) => remark || <span class="muted">-</span> },
];
