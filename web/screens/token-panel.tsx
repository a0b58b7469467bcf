import { useSignal } from '@preact/signals';
import type { Token } from '../../src/http/contract/access-routes.js';
import type { RouteOutput } from '../../src/http/contract/route-table.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { CopyText } from '../parts/copy-text.js';
import { DataTable, type Column } from '../parts/data-table.js';
import { Empty } from '../parts/empty.js';
import { Loaded } from '../parts/loaded.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { useResource } from '../state/resource.js';
import { say } from '../state/said.js';
import { AddToken } from './add-token.js';

/** Keys for programs: each with what it may do and when it was last used. */
export function TokenPanel() {
  const tokens = useResource((signal) => call('listTokens', { signal }), { about: 'tokens' });
  const isAdding = useSignal(false);
  const made = useSignal<RouteOutput<'addToken'> | null>(null);
  return (
    <Panel
      title="Tokens for programs"
      aside={
        <Button isSmall onPress={() => (isAdding.value = true)}>
          Make a token
        </Button>
      }
    >
      {made.value === null ? null : (
        <Notice tone="ok" title={`The token ${made.value.token.name}, shown this once`}>
          <CopyText what="token" text={made.value.secret} />
          <p>
            A program sends it as <code>Authorization: Bearer TOKEN</code>.
          </p>
        </Notice>
      )}
      <Loaded resource={tokens} what="the tokens">
        {({ tokens: rows }) =>
          rows.length === 0 ? (
            <Empty title="No token.">
              <p>A program that reads figures or calls the API needs one. It can do what its scope says and no more.</p>
            </Empty>
          ) : (
            <DataTable caption="Tokens" columns={columnsOf(tokens.reload)} rows={rows} rowKey={({ id }) => id} />
          )
        }
      </Loaded>
      {isAdding.value ? (
        <AddToken
          onMade={(answer) => {
            made.value = answer;
            tokens.reload();
          }}
          onClose={() => (isAdding.value = false)}
        />
      ) : null}
    </Panel>
  );
}

const columnsOf = (onChanged: () => void): readonly Column<Token>[] => [
  { name: 'Name', order: ({ name }) => name, cell: ({ name }) => name },
  { name: 'May do', order: ({ scope }) => scope, cell: ({ scope }) => scope },
  {
    name: 'Made',
    cell: ({ created_at: at, created_by: by }) => (
      <>
        <Age at={at} /> by {by}
      </>
    ),
  },
  { name: 'Ends', cell: ({ expires_at: at }) => <Age at={at} never="never" /> },
  { name: 'Last used', cell: ({ last_used: at }) => <Age at={at} never="not yet" /> },
  {
    name: 'Action',
    cell: ({ id, name }) => (
      <Button
        isSmall
        look="danger"
        about={name}
        onPress={async () => {
          say('ok', (await call('removeToken', { params: { id } })).message);
          onChanged();
        }}
      >
        Revoke
      </Button>
    ),
  },
];
