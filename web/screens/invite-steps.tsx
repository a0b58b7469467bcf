import type { RouteOutput } from '../../src/http/contract/route-table.js';
import type { Server } from '../../src/http/contract/server-schemas.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { CopyText } from '../parts/copy-text.js';
import { Notice } from '../parts/notice.js';
import { Panel } from '../parts/panel.js';
import { QrCode } from '../parts/qr-code.js';
import { StateWord } from '../parts/state-word.js';
import { status } from '../state/live.js';
import { pathTo } from '../state/route.js';
import { useResource } from '../state/resource.js';
import { say } from '../state/said.js';
import { pendingText } from '../words/pending-text.js';
import { datasetStateWords } from '../words/state-words.js';

export type MadeInvite = RouteOutput<'createInvite'>;

export interface InviteStepsProps {
  readonly invite: MadeInvite;
  readonly onAgain: () => void;
}

/** The code, then what is seen of the server that uses it, until it holds the same data. */
export function InviteSteps({ invite, onAgain }: InviteStepsProps) {
  const found = useFound(invite.id);
  return (
    <>
      <Panel title="2. Use it on the new server" aside={<Button onPress={onAgain}>Make another one</Button>}>
        <div class="qr-beside">
          <QrCode text={invite.code} label="The code as a QR picture" />
          <div>
            <p>
              Run this there, beside <code>usync run</code>:
            </p>
            <CopyText what="command" text={invite.command} />
            <p class="muted">
              It is shown this once, works once, and ends <Age at={invite.expires_at} withClock />.
            </p>
          </div>
        </div>
      </Panel>
      <Panel title="3. The new server">
        <div role="status">
          {found === null ? (
            <Notice tone="busy" title="Waiting for a server that uses this code.">
              <p>It appears here by itself.</p>
            </Notice>
          ) : (
            <Found server={found} />
          )}
        </div>
      </Panel>
    </>
  );
}

/** The server that used the code: known by the fingerprint of its key. */
function useFound(id: string): Server | null {
  const servers = status.value?.servers ?? [];
  const version = servers.map((server) => `${server.id} ${server.state}`).join();
  const { data } = useResource((signal) => call('listInvites', { signal }), { about: 'invites', version });
  const usedBy = data?.invites.find((invite) => invite.id === id)?.used_by ?? null;
  return usedBy === null ? null : (servers.find(({ fingerprint }) => fingerprint === usedBy) ?? null);
}

function Found({ server }: { readonly server: Server }) {
  const { name, fingerprint, id } = server;
  if (server.state === 'pending')
    return (
      <Notice
        tone="wait"
        title={`Found ${name}. Is it the one that you expect?`}
        actions={
          <Button
            look="first"
            onPress={async () => {
              const body = fingerprint === null ? {} : { fingerprint };
              say('ok', (await call('approveServer', { params: { id }, body })).message);
            }}
          >
            Approve {name}
          </Button>
        }
      >
        <p>
          Its fingerprint: <code>{fingerprint}</code>. There, <code>usync status</code> shows the same.
        </p>
      </Notice>
    );
  const isProven = server.datasets.length > 0 && server.datasets.every(({ state }) => state === 'proven');
  return (
    <Notice
      tone={isProven ? 'ok' : 'busy'}
      title={isProven ? `${name} holds the same data.` : `${name} is in and takes the data.`}
      actions={
        <a class="button" href={pathTo(['servers', id])}>
          Look at {name}
        </a>
      }
    >
      <ul>
        {server.datasets.map((dataset) => (
          <li key={dataset.dataset}>
            {dataset.dataset} <StateWord {...datasetStateWords[dataset.state]} />{' '}
            <span class="muted">{dataset.state === 'proven' ? '' : pendingText(dataset) || dataset.reason}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
