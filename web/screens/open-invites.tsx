import type { RouteOutput } from '../../src/http/contract/route-table.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Panel } from '../parts/panel.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { say } from '../state/said.js';
import type { StateWords } from '../words/tone.js';

type Invite = RouteOutput<'listInvites'>['invites'][number];

const stateWords: Readonly<Record<Invite['state'], StateWords>> = {
  open: { tone: 'wait', word: 'open' },
  used: { tone: 'ok', word: 'used' },
  expired: { tone: 'idle', word: 'expired' },
};

/** Codes that are out; one that went astray is made useless here. */
export function OpenInvites({ newest }: { readonly newest: string }) {
  const invites = useResource((signal) => call('listInvites', { signal }), {
    about: 'open invites',
    version: `${newest} ${status.value?.servers.length ?? 0}`,
  });
  const columns: readonly Column<Invite>[] = [
    { name: 'Code', cell: ({ id }) => <code>{id}</code> },
    { name: 'State', cell: ({ state }) => <StateWord {...stateWords[state]} /> },
    { name: 'Ends', cell: ({ expires_at: at }) => <Age at={at} withClock /> },
    { name: 'Lets in', cell: ({ is_pre_approved: atOnce }) => (atOnce ? 'at once' : 'after approval') },
    {
      name: 'Action',
      cell: ({ id, state }) =>
        state === 'open' ? (
          <Button
            isSmall
            about={`the code ${id}`}
            onPress={async () => {
              say('ok', (await call('revokeInvite', { params: { id } })).message);
              invites.reload();
            }}
          >
            Revoke
          </Button>
        ) : (
          <span class="muted">-</span>
        ),
    },
  ];
  return (
    <Panel title="Codes that were made">
      <Loaded resource={invites} what="the codes">
        {({ invites: rows }) =>
          rows.length === 0 ? (
            <Empty title="No code is open." />
          ) : (
            <DataTable caption="Codes" columns={columns} rows={rows} rowKey={({ id }) => id} />
          )
        }
      </Loaded>
    </Panel>
  );
}
