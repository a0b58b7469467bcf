import { useSignal } from '@preact/signals';
import type { Conflict } from '../../src/http/contract/decision-routes.js';
import type { ItemResult } from '../../src/http/contract/shared-schemas.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { Check } from '../parts/check.js';
import { Confirm } from '../parts/confirm.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { DatasetChoice } from '../parts/name-choice.js';
import { Pager } from '../parts/pager.js';
import { Panel } from '../parts/panel.js';
import { status } from '../state/live.js';
import { ask, route } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { countText } from '../words/count-text.js';
import { ConflictCard } from './conflict-card.js';

export interface ConflictInboxProps {
  readonly state: 'open' | 'decided';
}

/** Conflicts, newest first, one by one or many at once. */
export function ConflictInbox({ state }: ConflictInboxProps) {
  const page = useSignal(1);
  const marked = useSignal<ReadonlySet<string>>(new Set());
  const dataset = route.value.query.get('dataset') ?? '';
  const loaded = useResource(
    (signal) =>
      call('listConflicts', {
        query: { state, page: page.value, per_page: 25, dataset: dataset === '' ? undefined : dataset },
        signal,
      }),
    { about: `${state} ${dataset} ${page.value}`, version: status.value?.open_conflicts ?? 0 },
  );
  const decided = (): void => {
    marked.value = new Set();
    loaded.reload();
  };
  return (
    <Panel title={state === 'open' ? 'To look at' : 'Looked at'}>
      <div class="filters">
        <DatasetChoice
          value={dataset}
          onChoose={(value) => {
            page.value = 1;
            ask('dataset', value);
          }}
        />
      </div>
      <Loaded resource={loaded} what="the conflicts">
        {({ conflicts, pagination, forgotten }) => (
          <>
            {conflicts.length === 0 ? <NoConflicts state={state} /> : null}
            {state === 'open' && conflicts.length > 0 ? (
              <Bulk
                conflicts={conflicts}
                total={pagination.total}
                dataset={dataset}
                marked={marked}
                onDecided={decided}
              />
            ) : null}
            <ul class="lines">
              {conflicts.map((conflict) => (
                <ConflictCard
                  key={conflict.id}
                  conflict={conflict}
                  isMarked={state === 'open' ? marked.value.has(conflict.id) : null}
                  onMark={(isMarked) => (marked.value = withMark(marked.value, conflict.id, isMarked))}
                  onDecided={decided}
                />
              ))}
            </ul>
            <Pager pagination={pagination} what="conflicts" onPage={(next) => (page.value = next)} />
            {forgotten === 0 ? null : (
              <p class="muted small">{countText(forgotten, 'older conflict')} were forgotten here by their bounds.</p>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function withMark(marked: ReadonlySet<string>, id: string, isMarked: boolean): ReadonlySet<string> {
  const next = new Set(marked);
  if (isMarked) next.add(id);
  else next.delete(id);
  return next;
}

function NoConflicts({ state }: ConflictInboxProps) {
  return state === 'open' ? (
    <Empty title="No conflicts.">
      <p>When two servers edit the same thing at the same time, both versions appear here.</p>
    </Empty>
  ) : (
    <Empty title="Nobody has decided anything yet." />
  );
}

interface BulkProps {
  readonly conflicts: readonly Conflict[];
  readonly total: number;
  readonly dataset: string;
  readonly marked: { value: ReadonlySet<string> };
  readonly onDecided: () => void;
}

function Bulk({ conflicts, total, dataset, marked, onDecided }: BulkProps) {
  const isAsking = useSignal(false);
  const ids = [...marked.value];
  const none = ids.length === 0 ? 'Mark at least one conflict.' : null;
  const obstacle = roleObstacle('operator') ?? none;
  const isAllMarked = conflicts.every(({ id }) => marked.value.has(id));
  return (
    <div class="actions bulk">
      <Check
        label={`Mark these ${conflicts.length}`}
        isChecked={isAllMarked}
        onChange={(isChecked) => (marked.value = new Set(isChecked ? conflicts.map(({ id }) => id) : []))}
      />
      <Button
        isSmall
        obstacle={obstacle}
        onPress={async () => {
          tellResults('put back', (await call('restoreConflicts', { body: { ids } })).results);
          onDecided();
        }}
      >
        Put back marked ({ids.length})
      </Button>
      <Button
        isSmall
        obstacle={obstacle}
        onPress={async () => {
          say('ok', (await call('dismissConflicts', { body: { ids } })).message);
          onDecided();
        }}
      >
        Dismiss marked ({ids.length})
      </Button>
      <Button isSmall obstacle={roleObstacle('operator')} onPress={() => (isAsking.value = true)}>
        Dismiss all {total}
      </Button>
      {isAsking.value ? (
        <Confirm
          title={`Dismiss all ${total} conflicts${dataset === '' ? '' : ` of ${dataset}`}?`}
          verb={`Dismiss all ${total}`}
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            const body = dataset === '' ? { all: true } : { all: true, dataset };
            say('ok', (await call('dismissConflicts', { body })).message);
            onDecided();
          }}
        >
          <p>
            They leave the list on every server; others may list more, since each lists what it found itself. What lost
            stays in the log and can still be put back.
          </p>
        </Confirm>
      ) : null}
    </div>
  );
}

/** Each item with what became of it: the sum first, then the first that failed. */
function tellResults(what: string, results: readonly ItemResult[]): void {
  const failed = results.find(({ ok }) => !ok);
  const done = results.filter(({ ok }) => ok).length;
  if (failed === undefined) say('ok', `${countText(done, 'conflict')} ${what}.`);
  else
    say('bad', `${done} of ${countText(results.length, 'conflict')} ${what}. First that was not: ${failed.message}`, {
      code: failed.code,
    });
}
