import type { Dataset } from '../../src/http/contract/status-schemas.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { Confirm } from '../parts/confirm.js';
import { Notice } from '../parts/notice.js';
import { ScreenHead } from '../parts/screen-head.js';
import { StateWord } from '../parts/state-word.js';
import { Tabs } from '../parts/tabs.js';
import { useSignal } from '@preact/signals';
import { status } from '../state/live.js';
import { pathTo, route } from '../state/route.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { syncStateWords } from '../words/state-words.js';
import { FileHistory } from './file-history.js';
import { FileTree } from './file-tree.js';
import { FolderReport } from './folder-report.js';
import { PathHistory } from './path-history.js';

/** One folder dataset. */
export function FolderScreen({ dataset }: { readonly dataset: string }) {
  const { parts, query } = route.value;
  const live = status.value?.datasets.find(({ name }) => name === dataset);
  const of = query.get('history');
  const part = of === null ? (parts[2] ?? 'tree') : 'history';
  const at = (...below: readonly string[]): string => pathTo(['files', dataset, ...below]);
  return (
    <>
      <ScreenHead title={dataset} {...(live === undefined ? {} : { lead: live.place })}>
        {live === undefined ? null : <StateWord {...syncStateWords[live.state]} />}
      </ScreenHead>
      {live === undefined ? null : <Guard dataset={live} />}
      <Tabs
        label="Parts of the folder"
        tabs={[
          { href: at(), name: 'Files', isOpen: part === 'tree' },
          { href: at('history'), name: 'History', isOpen: part === 'history' },
          { href: at('waiting'), name: 'Waiting', isOpen: part === 'waiting' },
        ]}
      />
      {part === 'tree' ? <FileTree dataset={dataset} path={query.get('path') ?? ''} /> : null}
      {part === 'history' && of !== null ? <PathHistory dataset={dataset} path={of} /> : null}
      {part === 'history' ? <FileHistory dataset={dataset} path={of} /> : null}
      {part === 'waiting' ? <FolderReport dataset={dataset} /> : null}
    </>
  );
}

/** What stops the folder or holds its deletions until a person has looked. */
function Guard({ dataset }: { readonly dataset: Dataset }) {
  const isAsking = useSignal(false);
  const problem = dataset.folder?.problem ?? null;
  if (problem === null) return null;
  return (
    <Notice
      tone="bad"
      title={problem.text}
      code={problem.code}
      actions={
        <>
          {problem.code === 'USYNC-1702' ? (
            <Button
              obstacle={roleObstacle('operator')}
              onPress={async () => {
                say('ok', (await call('putBackFolder', { params: { dataset: dataset.name } })).message);
              }}
            >
              Put it back
            </Button>
          ) : null}
          <Button obstacle={roleObstacle('operator')} onPress={() => (isAsking.value = true)}>
            It is meant so
          </Button>
        </>
      }
    >
      {isAsking.value ? (
        <Confirm
          title={`Is what is missing in ${dataset.name} meant to be gone?`}
          verb="Yes: delete it on every server"
          isDanger
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            say('ok', (await call('acceptFolder', { params: { dataset: dataset.name } })).message);
          }}
        >
          <p>
            What does not stand in this folder any more is then deleted on every server. The others keep what they
            delete for the time of their history.
          </p>
        </Confirm>
      ) : null}
    </Notice>
  );
}
