import type { RowHistory } from '../../src/http/contract/activity-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { StateWord } from '../parts/state-word.js';
import { Value } from '../parts/value.js';
import { route } from '../state/route.js';
import { useResource } from '../state/resource.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

type RowVersion = RowHistory['versions'][number];

const kindWords: Readonly<Record<RowVersion['kind'], StateWords>> = {
  insert: { tone: 'ok', word: 'inserted' },
  update: { tone: 'busy', word: 'changed' },
  end: { tone: 'bad', word: 'deleted' },
  merge: { tone: 'wait', word: 'became one' },
};

/** Everything that happened to one row, by whom and when. */
export function RowHistoryScreen() {
  const { query } = route.value;
  const table = query.get('table') ?? '';
  const dataset = query.get('dataset') ?? '';
  const key = query.getAll('key');
  const loaded = useResource(
    (signal) => call('getHistory', { query: { dataset: dataset === '' ? undefined : dataset, table, key }, signal }),
    { about: query.toString() },
  );
  return (
    <>
      <ScreenHead title={visible(`History of ${table} ${key.join(', ')}`)} lead={`Dataset ${dataset}. Newest first.`} />
      <Panel title="What happened">
        <Loaded resource={loaded} what="the history">
          {(history) => <Versions history={history} />}
        </Loaded>
      </Panel>
    </>
  );
}

function Versions({ history }: { readonly history: RowHistory }) {
  if (history.versions.length === 0)
    return (
      <Empty title="Nothing is known of this row.">
        <p>The journal does not go back to it, or no row ever had this key.</p>
      </Empty>
    );
  return (
    <>
      <p>
        {history.is_shown ? 'The row stands.' : 'No row stands at this key now.'}{' '}
        {history.is_whole ? '' : 'The journal does not go back to its insert.'}
      </p>
      <ol class="lines">
        {history.versions.map((version) => (
          <li key={`${version.kind} ${version.at} ${version.merged_at} ${version.by}`}>
            <div class="line-head">
              <StateWord {...kindWords[version.kind]} />
              <span>by {version.by}</span>
              <span class="end muted small">
                <Age at={version.at} withClock />
              </span>
            </div>
            <dl class="cells">
              {version.cells.map(({ column, value }) => (
                <div key={column} class="cell">
                  <dt>{visible(column)}</dt>
                  <dd>
                    <Value literal={value} />
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
    </>
  );
}
