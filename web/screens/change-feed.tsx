import { useSignal } from '@preact/signals';
import type { Change } from '../../src/http/contract/activity-schemas.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { Choice } from '../parts/choice.js';
import { Empty } from '../parts/empty.js';
import { Field } from '../parts/field.js';
import { Loaded } from '../parts/loaded.js';
import { DatasetChoice, ServerChoice } from '../parts/name-choice.js';
import { Panel } from '../parts/panel.js';
import { saveAs } from '../parts/save-as.js';
import { status } from '../state/live.js';
import { ask, route } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { ChangeList } from './change-list.js';

type Operation = Change['operation'];

const operations: readonly (readonly [Operation | '', string])[] = [
  ['', 'all changes'],
  ['insert', 'inserted'],
  ['update', 'changed'],
  ['delete', 'deleted'],
  ['merge', 'became one'],
];
const changesAtOnce = 100;

/** Changes of rows and files, newest first, one block an application's transaction. */
export function ChangeFeed() {
  const { query } = route.value;
  const before = useSignal<readonly string[]>([]);
  const asked = {
    dataset: query.get('dataset') ?? '',
    table: query.get('table') ?? '',
    server: query.get('server') ?? '',
    operation: operations.find(([each]) => each === query.get('operation'))?.[0] ?? '',
  };
  const shown = before.value.at(-1);
  const loaded = useResource(
    (signal) =>
      call('listChanges', {
        query: {
          dataset: asked.dataset === '' ? undefined : asked.dataset,
          table: asked.table === '' ? undefined : asked.table,
          server_id: asked.server === '' ? undefined : asked.server,
          operation: asked.operation === '' ? undefined : asked.operation,
          before: shown,
          limit: changesAtOnce,
        },
        signal,
      }),
    { about: JSON.stringify([asked, shown]), version: shown === undefined ? newestChange() : '' },
  );
  const choose = (name: string, value: string): void => {
    before.value = [];
    ask(name, value);
  };
  return (
    <Panel title="Changes" aside={<ExportChanges changes={loaded.data?.changes ?? []} />}>
      <div class="filters">
        <DatasetChoice value={asked.dataset} onChoose={(value) => choose('dataset', value)} />
        <Field label="Table" type="search" value={asked.table} onInput={(value) => choose('table', value)} />
        <ServerChoice value={asked.server} onChoose={(value) => choose('server', value)} />
        <Choice
          label="What happened"
          value={asked.operation}
          options={operations}
          onChoose={(value) => choose('operation', value)}
        />
      </div>
      <Loaded resource={loaded} what="the changes">
        {({ changes, next, is_whole: isWhole }) => (
          <>
            {changes.length === 0 ? (
              <NoChanges isChosen={Object.values(asked).some((each) => each !== '')} />
            ) : (
              <ChangeList changes={changes} />
            )}
            <div class="actions">
              {shown === undefined ? null : (
                <Button onPress={() => (before.value = before.value.slice(0, -1))}>Newer</Button>
              )}
              {next === null ? null : <Button onPress={() => (before.value = [...before.value, next])}>Older</Button>}
              {next === null && !isWhole ? (
                <span class="muted small">The journal does not go back further.</span>
              ) : null}
            </div>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function NoChanges({ isChosen }: { readonly isChosen: boolean }) {
  return (
    <Empty
      title={isChosen ? 'No change fits these choices.' : 'Nothing was changed yet, as far as the journal goes back.'}
    >
      <p>What any application writes on any server appears here with its values before and after.</p>
    </Empty>
  );
}

/** Grows when something was captured or merged. */
function newestChange(): string {
  const datasets = status.value?.datasets ?? [];
  return datasets.map(({ last_capture: captured, last_merge: merged }) => `${captured ?? ''}${merged ?? ''}`).join();
}

function ExportChanges({ changes }: { readonly changes: readonly Change[] }) {
  if (changes.length === 0) return null;
  return (
    <Button isSmall onPress={() => saveAs('changes.json', JSON.stringify(changes, null, 2))}>
      Save as JSON
    </Button>
  );
}
