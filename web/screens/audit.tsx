import { useSignal } from '@preact/signals';
import type { AuditEntry } from '../../src/http/contract/access-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Field } from '../parts/field.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Pager } from '../parts/pager.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { StateWord } from '../parts/state-word.js';
import { useResource } from '../state/resource.js';
import { capital } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';

const outcomeWords: Readonly<Record<AuditEntry['outcome'], StateWords>> = {
  done: { tone: 'ok', word: 'done' },
  refused: { tone: 'wait', word: 'refused' },
  failed: { tone: 'bad', word: 'failed' },
};

/** What people and programs did through this dashboard, the API and the command line. */
export function AuditScreen() {
  const page = useSignal(1);
  const who = useSignal('');
  const name = who.value.trim();
  const loaded = useResource(
    (signal) => call('listAudit', { query: { page: page.value, who: name === '' ? undefined : name }, signal }),
    { about: `${page.value} ${name}` },
  );
  return (
    <>
      <ScreenHead title="Audit" lead="Who did what, when, from where. Each entry is chained to the one before it." />
      <Panel title="Entries">
        <div class="filters">
          <Field
            label="Who"
            type="search"
            value={who.value}
            onInput={(value) => {
              page.value = 1;
              who.value = value;
            }}
          />
        </div>
        <Loaded resource={loaded} what="the audit">
          {({ audit, is_intact: isIntact, pagination }) => (
            <>
              {isIntact ? null : (
                <Notice tone="bad" title="The chain of entries is broken: somebody changed the file of the audit." />
              )}
              {audit.length === 0 ? (
                <Empty title="Nobody did anything that fits." />
              ) : (
                <DataTable caption="Audit" columns={columns} rows={audit} rowKey={({ sequence }) => String(sequence)} />
              )}
              <Pager pagination={pagination} what="the audit" onPage={(next) => (page.value = next)} />
            </>
          )}
        </Loaded>
      </Panel>
    </>
  );
}

/** `removeUser`, as the API calls it: "remove user". */
const wordsOf = (action: string): string => action.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const columns: readonly Column<AuditEntry>[] = [
  {
    name: 'What',
    order: ({ action }) => action,
    cell: ({ action, subject }) => `${capital(wordsOf(action))} ${subject}`,
  },
  { name: 'Who', order: ({ who }) => who, cell: ({ who }) => who },
  { name: 'When', order: ({ at }) => at, cell: ({ at }) => <Age at={at} withClock /> },
  { name: 'Outcome', order: ({ outcome }) => outcome, cell: ({ outcome }) => <StateWord {...outcomeWords[outcome]} /> },
  { name: 'From', cell: ({ address }) => address || '-' },
  { name: 'More', cell: ({ detail }) => detail || <span class="muted">-</span> },
];
