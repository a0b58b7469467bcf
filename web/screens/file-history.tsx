import { useSignal } from '@preact/signals';
import type { KeptFile } from '../../src/http/contract/file-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { Confirm } from '../parts/confirm.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { pathTo } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { bytesText } from '../words/count-text.js';
import { visible } from '../words/visible.js';

export interface FileHistoryProps {
  readonly dataset: string;
  /** Null: of all paths. */
  readonly path: string | null;
}

/** What was replaced or deleted on this server, each with the way back. */
export function FileHistory({ dataset, path }: FileHistoryProps) {
  const chosen = useSignal<KeptFile | null>(null);
  const loaded = useResource(
    (signal) => call('fileHistory', { params: { dataset }, query: { path: path ?? undefined, limit: 500 }, signal }),
    { about: path ?? '' },
  );
  const kept = chosen.value;
  return (
    <Panel
      title={path === null ? 'Replaced and deleted files' : `Earlier versions of ${visible(path)}`}
      aside={path === null ? undefined : <a href={pathTo(['files', dataset, 'history'])}>Of all files</a>}
    >
      <Loaded resource={loaded} what="the history">
        {({ history }) =>
          history.length === 0 ? (
            <Empty title="Nothing was replaced or deleted here.">
              <p>When another server replaces or deletes a file, this one keeps what stood there for a while.</p>
            </Empty>
          ) : (
            <DataTable
              caption="Kept files"
              columns={columnsOf((file) => (chosen.value = file))}
              rows={history}
              rowKey={({ id }) => String(id)}
            />
          )
        }
      </Loaded>
      {kept === null ? null : (
        <Confirm
          title={`Put back ${visible(kept.path)}?`}
          verb="Put it back"
          onClose={() => (chosen.value = null)}
          onConfirm={async () => {
            say('ok', (await call('restoreFile', { params: { dataset }, body: { id: kept.id } })).message);
            loaded.reload();
          }}
        >
          <p>
            The version of {bytesText(kept.size)} that was {kept.reason} <Age at={kept.at} /> stands at its path again,
            on every server. What stands there now goes to this list.
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

const columnsOf = (onRestore: (file: KeptFile) => void): readonly Column<KeptFile>[] => [
  { name: 'Path', order: ({ path }) => path, cell: ({ path }) => <span class="mono">{visible(path)}</span> },
  { name: 'Was', order: ({ reason }) => reason, cell: ({ reason }) => reason },
  { name: 'When', order: ({ at }) => at, cell: ({ at }) => <Age at={at} withClock /> },
  { name: 'Size', isNumber: true, order: ({ size }) => size, cell: ({ size }) => bytesText(size) },
  {
    name: 'Action',
    cell: (file) => (
      <Button isSmall about={visible(file.path)} obstacle={roleObstacle('operator')} onPress={() => onRestore(file)}>
        Put back
      </Button>
    ),
  },
];
