import type { RouteOutput } from '../../src/http/contract/route-table.js';
import { call } from '../api/call.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { bytesText } from '../words/count-text.js';
import { visible } from '../words/visible.js';

type Waiting = RouteOutput<'folderReport'>['waiting'][number];
type Copy = RouteOutput<'folderReport'>['copies'][number];

/** What waits and why, what takes no part, which conflict copies stand. */
export function FolderReport({ dataset }: { readonly dataset: string }) {
  const folder = status.value?.datasets.find(({ name }) => name === dataset)?.folder;
  const loaded = useResource((signal) => call('folderReport', { params: { dataset }, signal }), {
    about: dataset,
    version: `${folder?.waiting ?? 0} ${folder?.left_out ?? 0} ${folder?.pending ?? 0} ${folder?.problem?.text ?? ''}`,
  });
  return (
    <Loaded resource={loaded} what="the report">
      {({ waiting, left_out: leftOut, missing, copies, unportable }) => (
        <>
          {missing.length === 0 ? null : (
            <ReasonPanel
              title="Missing here"
              rows={missing.map((path) => ({ path, reason: 'Its deletion is held: put it back, or accept it.' }))}
              empty=""
            />
          )}
          <ReasonPanel title="Waiting" rows={waiting} empty="Nothing waits: every entry stands as it should." />
          <Panel title="Conflict copies">
            {copies.length === 0 ? (
              <Empty title="No conflict copies.">
                <p>When two servers edit one file at the same time, the one that lost its name stands beside it.</p>
              </Empty>
            ) : (
              <DataTable caption="Conflict copies" columns={copyColumns} rows={copies} rowKey={({ path }) => path} />
            )}
          </Panel>
          <ReasonPanel title="Left out" rows={leftOut} empty="Everything in the folder takes part." />
          <ReasonPanel
            title="Names that not every system can hold"
            rows={unportable}
            empty="Every name can stand on every common system."
          />
        </>
      )}
    </Loaded>
  );
}

interface ReasonPanelProps {
  readonly title: string;
  readonly rows: readonly Waiting[];
  readonly empty: string;
}

function ReasonPanel({ title, rows, empty }: ReasonPanelProps) {
  return (
    <Panel title={title}>
      {rows.length === 0 ? (
        <Empty title={empty} />
      ) : (
        <DataTable
          caption={title}
          columns={reasonColumns}
          rows={rows}
          rowKey={({ path, reason }) => `${path} ${reason}`}
        />
      )}
    </Panel>
  );
}

const reasonColumns: readonly Column<Waiting>[] = [
  { name: 'Path', order: ({ path }) => path, cell: ({ path }) => <span class="mono">{visible(path)}</span> },
  { name: 'Why', order: ({ reason }) => reason, cell: ({ reason }) => reason },
];

const copyColumns: readonly Column<Copy>[] = [
  { name: 'Path', order: ({ path }) => path, cell: ({ path }) => <span class="mono">{visible(path)}</span> },
  { name: 'Beside', cell: ({ copy_of: of }) => <span class="mono">{visible(of ?? '-')}</span> },
  { name: 'Written on', cell: ({ author }) => author },
  { name: 'Size', isNumber: true, cell: ({ size }) => bytesText(size) },
];
