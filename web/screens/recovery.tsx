import type { Recovery } from '../../src/http/contract/status-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Facts } from '../parts/facts.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { pathTo } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { bytesText, countText, numberText } from '../words/count-text.js';
import { UndoPanel } from './undo-panel.js';

type DatasetRecovery = Recovery['datasets'][number];

/** How far back one can look and take back, and the ways to do it. */
export function RecoveryScreen() {
  const loaded = useResource((signal) => call('recovery', { signal }), { about: 'recovery' });
  return (
    <>
      <ScreenHead
        title="Recovery"
        lead="What was written, replaced or deleted can be looked at and taken back, as far as it is kept. This is no backup: keep one of the database as before."
      />
      <Loaded resource={loaded} what="what can be taken back">
        {({ datasets }) => (
          <div class="panels">
            {datasets.map((dataset) => (
              <DatasetPanel key={dataset.dataset} dataset={dataset} />
            ))}
          </div>
        )}
      </Loaded>
      <UndoPanel />
    </>
  );
}

function DatasetPanel({ dataset }: { readonly dataset: DatasetRecovery }) {
  const { dataset: name, kind, last_audit: audit, went_back: wentBack } = dataset;
  const isFolder = kind === 'folder';
  return (
    <Panel
      title={name}
      aside={
        isFolder ? (
          <a href={pathTo(['files', name, 'history'])}>Put a file back</a>
        ) : (
          <a href={pathTo(['activity'], { dataset: name })}>Look at its changes</a>
        )
      }
    >
      {wentBack === null ? null : (
        <Notice tone="wait" title="This server was restored from a backup and rolled forward by itself.">
          <p>
            <Age at={wentBack.at} withClock />: {wentBack.reason}
          </p>
        </Notice>
      )}
      <Facts
        facts={[
          ['Looks back to', <Age key="since" at={dataset.history_since} never="nothing yet" />],
          ['Kept for', countText(dataset.history_days, 'day')],
          ['Journal', bytesText(dataset.journal_bytes)],
          ...(isFolder
            ? ([
                ['Kept files', numberText(dataset.kept_files ?? 0)],
                ['Their size', bytesText(dataset.kept_file_bytes ?? 0)],
              ] as const)
            : []),
          ['What lost, open', numberText(dataset.conflicts_open)],
          [
            'Content read again',
            audit === null ? (
              'not yet'
            ) : (
              <span key="audit">
                <Age at={audit.at} />: {numberText(audit.differing)} of {countText(audit.rows, 'row')} other than kept
              </span>
            ),
          ],
        ]}
      />
    </Panel>
  );
}
