import { call } from '../api/call.js';
import type { Alerts } from '../../src/http/contract/settings-routes.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { numberText } from '../words/count-text.js';

/** What is watched, what fires, and where it is told. */
export function AlertPanel() {
  const loaded = useResource((signal) => call('getAlerts', { signal }), {
    about: 'alerts',
    version: status.value?.problems.length ?? 0,
  });
  const test = async (): Promise<void> => {
    const { message, results } = await call('testAlerts', {});
    const failed = results.find(({ ok }) => !ok);
    say(failed === undefined ? 'ok' : 'bad', message, { nextStep: failed?.error ?? null });
    loaded.reload();
  };
  return (
    <Panel
      title="Alerts"
      aside={
        <Button isSmall obstacle={roleObstacle('admin')} onPress={test}>
          Send a test
        </Button>
      }
    >
      <Loaded resource={loaded} what="the alerts">
        {({ rules, targets }) => (
          <>
            {rules.length === 0 ? (
              <Empty title="Nothing fires: no problem is there now." />
            ) : (
              <DataTable caption="What is watched" columns={ruleColumns} rows={rules} rowKey={({ name }) => name} />
            )}
            <h3>Told to</h3>
            {targets.length === 0 ? (
              <Empty title="Nobody is told.">
                <p>
                  Set <code>alerts</code> in the configuration: a webhook or an address for e-mail.
                </p>
              </Empty>
            ) : (
              <DataTable
                caption="Who is told"
                columns={targetColumns}
                rows={targets}
                rowKey={({ kind, to }) => `${kind} ${to}`}
              />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

const ruleColumns: readonly Column<Alerts['rules'][number]>[] = [
  { name: 'Alert', cell: ({ name }) => name },
  {
    name: 'State',
    order: ({ state }) => state,
    cell: ({ state }) => (
      <StateWord {...(state === 'firing' ? { tone: 'bad', word: 'firing' } : { tone: 'ok', word: 'quiet' })} />
    ),
  },
  { name: 'Since', cell: ({ since }) => <Age at={since} never="-" /> },
  { name: 'What it watches', cell: ({ text }) => text },
];

const targetColumns: readonly Column<Alerts['targets'][number]>[] = [
  { name: 'To', cell: ({ to }) => to },
  { name: 'By', cell: ({ kind }) => kind },
  { name: 'Sent', isNumber: true, cell: ({ sent }) => numberText(sent) },
  { name: 'Waiting', isNumber: true, cell: ({ waiting }) => numberText(waiting) },
  { name: 'Last', cell: ({ last_sent: at }) => <Age at={at} /> },
  { name: 'Last error', cell: ({ last_error: error }) => error ?? <span class="muted">none</span> },
];
