import type { OpenSession } from '../../src/http/contract/access-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { useResource } from '../state/resource.js';
import { say } from '../state/said.js';

/** Where somebody is signed in; one that was left open elsewhere is ended here. */
export function SessionPanel() {
  const sessions = useResource((signal) => call('listSessions', { signal }), { about: 'sessions' });
  return (
    <Panel title="Open sessions">
      <Loaded resource={sessions} what="the sessions">
        {({ sessions: rows }) => (
          <DataTable caption="Open sessions" columns={columnsOf(sessions.reload)} rows={rows} rowKey={({ id }) => id} />
        )}
      </Loaded>
    </Panel>
  );
}

const columnsOf = (onChanged: () => void): readonly Column<OpenSession>[] => [
  {
    name: 'User',
    order: ({ user }) => user,
    cell: ({ user, is_current: isMine }) => `${user}${isMine ? ' (here)' : ''}`,
  },
  { name: 'From', cell: ({ address, agent }) => `${address} ${shortAgent(agent)}` },
  { name: 'Since', cell: ({ created_at: at }) => <Age at={at} /> },
  { name: 'Last used', cell: ({ last_used: at }) => <Age at={at} /> },
  { name: 'Ends at the latest', cell: ({ expires_at: at }) => <Age at={at} /> },
  {
    name: 'Action',
    cell: ({ id, user, is_current: isMine }) =>
      isMine ? (
        <span class="muted">-</span>
      ) : (
        <Button
          isSmall
          about={`the session of ${user}`}
          onPress={async () => {
            say('ok', (await call('endSession', { params: { id } })).message);
            onChanged();
          }}
        >
          End
        </Button>
      ),
  },
];

/** The browser and the system of an agent, not its whole line. */
function shortAgent(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\/\d+/.exec(agent)?.[0]?.replace('/', ' ') ?? '';
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(agent)?.[0] ?? '';
  return [browser, system].filter((part) => part !== '').join(', ') || agent.slice(0, 40);
}
