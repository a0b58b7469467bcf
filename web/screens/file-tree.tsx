import type { FileEntry } from '../../src/http/contract/file-routes.js';
import { call } from '../api/call.js';
import { addressOf } from '../api/routes.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Icon } from '../parts/icon.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { pathTo } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { bytesText } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

export interface FileTreeProps {
  readonly dataset: string;
  /** The folder within the dataset; empty for its root. */
  readonly path: string;
}

/** What stands in one folder. */
export function FileTree({ dataset, path }: FileTreeProps) {
  const live = status.value?.datasets.find(({ name }) => name === dataset);
  const loaded = useResource((signal) => call('listFiles', { params: { dataset }, query: { path }, signal }), {
    about: path,
    version: `${live?.last_capture ?? ''} ${live?.last_merge ?? ''} ${live?.folder?.pending ?? 0}`,
  });
  return (
    <Panel title={path === '' ? 'The whole folder' : visible(path)} aside={<Crumbs dataset={dataset} path={path} />}>
      <Loaded resource={loaded} what="the files">
        {({ entries, is_complete: isComplete }) =>
          entries.length === 0 ? (
            <Empty title="Nothing stands here.">
              <p>A file that any application writes into it on any server appears here.</p>
            </Empty>
          ) : (
            <>
              <DataTable
                caption={`Files in ${path === '' ? dataset : path}`}
                columns={columnsOf(dataset)}
                rows={entries}
                rowKey={(entry) => `${entry.path} ${entry.hash ?? ''}`}
              />
              {isComplete ? null : <p class="muted">There are more entries than are shown.</p>}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Crumbs({ dataset, path }: FileTreeProps) {
  const parts = path.split('/').filter((part) => part !== '');
  return (
    <nav aria-label="Way to this folder">
      <ol class="crumbs">
        <li>
          <a href={folderAddress(dataset, '')}>{dataset}</a>
        </li>
        {parts.map((part, at) => (
          <li key={parts.slice(0, at + 1).join('/')}>
            <a href={folderAddress(dataset, parts.slice(0, at + 1).join('/'))}>{visible(part)}</a>
          </li>
        ))}
      </ol>
    </nav>
  );
}

const folderAddress = (dataset: string, path: string): string =>
  pathTo(['files', dataset], path === '' ? {} : { path });

const historyOf = (dataset: string, path: string): string => pathTo(['files', dataset], { history: path });

const stateWords: Readonly<Record<FileEntry['state'], StateWords>> = {
  placed: { tone: 'ok', word: 'here' },
  pending: { tone: 'busy', word: 'on its way' },
  waiting: { tone: 'wait', word: 'waits' },
};

const columnsOf = (dataset: string): readonly Column<FileEntry>[] => [
  {
    name: 'Name',
    order: ({ kind, name }) => `${kind === 'folder' ? 0 : 1} ${name}`,
    cell: (entry) => <Name dataset={dataset} entry={entry} />,
  },
  {
    name: 'State',
    order: ({ state }) => state,
    cell: ({ state, reason }) => (
      <>
        <StateWord {...stateWords[state]} /> {reason === null ? null : <span class="muted small">{reason}</span>}
      </>
    ),
  },
  {
    name: 'Size',
    isNumber: true,
    order: ({ size }) => size,
    cell: ({ kind, size }) => (kind === 'file' ? bytesText(size) : '-'),
  },
  { name: 'Changed', order: ({ modified }) => modified, cell: ({ modified }) => <Age at={modified} /> },
  { name: 'Written on', order: ({ author }) => author, cell: ({ author }) => author },
  {
    name: 'Action',
    cell: ({ kind, path, name }) =>
      kind === 'file' ? (
        <span class="actions">
          <a href={addressOf('fileContent', { dataset }, { path })} download aria-label={`Get ${name}`}>
            Get
          </a>
          <a href={historyOf(dataset, path)} aria-label={`History of ${name}`}>
            History
          </a>
        </span>
      ) : (
        <span class="muted">-</span>
      ),
  },
];

function Name({ dataset, entry }: { readonly dataset: string; readonly entry: FileEntry }) {
  const { name, kind, path, copy_of: copyOf } = entry;
  return (
    <span class="file-name">
      <Icon name={kind === 'folder' ? 'files' : kind === 'link' ? 'link' : 'file'} />
      <span>
        {kind === 'folder' ? <a href={folderAddress(dataset, path)}>{visible(name)}</a> : visible(name)}
        {copyOf === null ? null : <span class="muted small"> conflict copy of {visible(copyOf)}</span>}
      </span>
    </span>
  );
}
