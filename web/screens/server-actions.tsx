import { useSignal } from '@preact/signals';
import type { Server } from '../../src/http/contract/server-schemas.js';
import { call } from '../api/call.js';
import { Button } from '../parts/button.js';
import { Confirm } from '../parts/confirm.js';
import { tellEnd } from '../state/tell-end.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { ServerAddress } from './server-address.js';

/** What can be done with one server; what cannot be taken back asks first. */
export function ServerActions({ server }: { readonly server: Server }) {
  if (server.is_self || server.state === 'removed') return null;
  if (server.state === 'pending') return <PendingActions server={server} />;
  return (
    <>
      {server.state === 'member' ? <MemberActions server={server} /> : null}
      <ServerAddress server={server} />
      <RemoveServer server={server} />
    </>
  );
}

function MemberActions({ server }: { readonly server: Server }) {
  const params = { id: server.id };
  const isPaused = server.connection === 'paused';
  const ping = async (): Promise<void> => {
    const answer = await call('pingServer', { params });
    if (answer.success)
      say(
        'ok',
        `${server.name} answered${answer.round_trip_ms === null ? '' : ` in ${answer.round_trip_ms.toFixed(1)} ms`}.`,
      );
    else say('bad', answer.last_error ?? `${server.name} did not answer.`, { nextStep: answer.next_step });
  };
  const pause = async (): Promise<void> => {
    const { message } = await call('changeServer', { params, body: { is_active: isPaused } });
    say('ok', message);
  };
  return (
    <>
      <Button onPress={ping} obstacle={roleObstacle('operator')}>
        Ping
      </Button>
      <Button
        obstacle={roleObstacle('operator')}
        onPress={async () => tellEnd((await call('syncServer', { params, body: {} })).job)}
      >
        Sync now
      </Button>
      <Button onPress={pause} obstacle={roleObstacle('admin')}>
        {isPaused ? 'Resume' : 'Pause'}
      </Button>
    </>
  );
}

function PendingActions({ server }: { readonly server: Server }) {
  const isAsking = useSignal(false);
  const { id, name, fingerprint } = server;
  return (
    <>
      <Button look="first" obstacle={roleObstacle('admin')} onPress={() => (isAsking.value = true)}>
        Approve
      </Button>
      <RemoveServer server={server} />
      {isAsking.value ? (
        <Confirm
          title={`Let ${name} in?`}
          verb={`Approve ${name}`}
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            const body = fingerprint === null ? {} : { fingerprint };
            say('ok', (await call('approveServer', { params: { id }, body })).message);
          }}
        >
          <p>
            From then on it holds the data of the group and may write to it, on every server. Compare the fingerprint
            with the one that <code>usync status</code> shows there.
          </p>
          <code>{fingerprint ?? 'no fingerprint'}</code>
        </Confirm>
      ) : null}
    </>
  );
}

function RemoveServer({ server }: { readonly server: Server }) {
  const isAsking = useSignal(false);
  return (
    <>
      <Button look="danger" obstacle={roleObstacle('admin')} onPress={() => (isAsking.value = true)}>
        Remove
      </Button>
      {isAsking.value ? (
        <Confirm
          title={`Remove ${server.name}?`}
          verb={`Remove ${server.name}`}
          isDanger
          onClose={() => (isAsking.value = false)}
          onConfirm={async () => {
            say('ok', (await call('removeServer', { params: { id: server.id } })).message);
          }}
        >
          <p>
            Its key is revoked on every server. What any server has of its changes stays; what it wrote since then no
            longer comes in. It keeps its own copy of the data. With a new code it can join again.
          </p>
        </Confirm>
      ) : null}
    </>
  );
}
