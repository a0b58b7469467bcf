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
import { FolderScreen } from './folder-screen.js';

/** Folders: what stands in them, what waits, what was replaced or deleted. */
export function FilesScreen() {
  const [, name] = route.value.parts;
  if (name !== undefined) return <FolderScreen key={name} dataset={name} />;
  const folders = status.value?.datasets.filter(({ kind }) => kind === 'folder');
  return (
    <>
      <ScreenHead title="Files" lead="Folders that are kept identical; what was replaced or deleted can be put back." />
      <Panel title="Folders">
        {folders === undefined ? (
          <Skeleton what="the folders" />
        ) : folders.length === 0 ? (
          <Empty title="No folder is synced.">
            <p>
              <code>usync init --folder PATH</code> adds one. Databases are synced row by row and stand under{' '}
              <a href={pathTo(['data'])}>Data</a>.
            </p>
          </Empty>
        ) : (
          <DataTable caption="Folders" columns={columns} rows={folders} rowKey={({ name: key }) => key} />
        )}
      </Panel>
    </>
  );
}

const columns: readonly Column<Dataset>[] = [
  { name: 'Folder', order: ({ name }) => name, cell: ({ name }) => <a href={pathTo(['files', name])}>{name}</a> },
  { name: 'State', cell: ({ state }) => <StateWord {...syncStateWords[state]} /> },
  { name: 'Proven with all', cell: ({ proven_at: at }) => <Age at={at} never="not yet" /> },
  { name: 'Entries', isNumber: true, cell: ({ folder }) => numberText(folder?.entries ?? 0) },
  { name: 'Size', isNumber: true, cell: ({ folder }) => bytesText(folder?.bytes ?? 0) },
  { name: 'To be placed', isNumber: true, cell: ({ folder }) => numberText(folder?.pending ?? 0) },
  { name: 'Waiting', isNumber: true, cell: ({ folder }) => numberText(folder?.waiting ?? 0) },
];
